#!/usr/bin/env python3
"""The digits classifier in int8, on the digits held out from training.

usage: digits.py ADZE FOLDER [--work DIR]

FOLDER is test/models/digits. Judged are the committed digits_int8.onnx and one
that is quantized now, with every method of calibration: none may lose more than
0.5 % of accuracy against the float model, in onnxruntime.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

MOST_LOST = 0.005


def accuracy(path, held_out):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    images = (held_out["images"].astype(np.float32) / 16)[:, None, None]
    answers = [session.run(None, {"image": image})[0].argmax() for image in images]
    return float((np.array(answers) == held_out["labels"]).mean())


def main():
    parser = argparse.ArgumentParser(description="Tests the digits classifier in int8.")
    parser.add_argument("adze")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path)
    options = parser.parse_args()
    held_out = np.load(options.folder / "heldout.npz")
    before = accuracy(options.folder / "digits.onnx", held_out)
    problems = []

    def judge(title, path):
        onnx.checker.check_model(str(path), full_check=True)
        after = accuracy(path, held_out)
        print(f"{title}: {after:.2%} of {len(held_out['labels'])} digits right, float {before:.2%}")
        if after < before - MOST_LOST:
            problems.append(f"{title} loses {before - after:.2%}")

    judge("committed", options.folder / "digits_int8.onnx")
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        for method in ("minmax", "percentile", "entropy", "mse", "cosine"):
            path = pathlib.Path(folder) / f"{method}.onnx"
            subprocess.run([options.adze, "quantize", options.folder / "digits.onnx", "-c",
                            options.folder / "calibration.npz", "-m", method, "--no-report",
                            "-o", path], check=True, stdout=subprocess.DEVNULL)
            judge(method, path)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
