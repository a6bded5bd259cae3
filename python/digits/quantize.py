#!/usr/bin/env python3
"""Quantizes the digits classifier to int8 and counts what it costs.

Calibrated with 100 digits of the training set, drawn with a fixed seed; the
digits that train.py holds out judge and take no part. Written beside the float
model are

    calibration.npz    the 100 digits, float32 [100, 1, 1, 8, 8], as
                       `adze quantize --calibrate` reads them
    digits_int8.onnx   the model, QDQ, input and output float32
    quantization.json  accuracy on the held-out digits before and after, by
                       onnxruntime

Needs what train.py needs, and onnxruntime:

    python3 -m venv /tmp/train
    /tmp/train/bin/pip install -r python/digits/requirements.txt onnxruntime
    /tmp/train/bin/python python/digits/quantize.py build/tools/adze/adze test/models/digits

With --keep-calibration the file that is there is used, and scikit-learn is not
needed.
"""
import argparse
import json
import os
import subprocess

import numpy as np
import onnx

SAMPLES = 100
SEED = 21


def write_calibration(path):
    from sklearn.datasets import load_digits
    import train
    digits = load_digits()
    training, _ = train.split(digits.target, np.random.default_rng(train.SEED))
    chosen = np.sort(np.random.default_rng(SEED).choice(training, SAMPLES, replace=False))
    images = (digits.images[chosen].astype(np.float32) / 16)[:, None, None]
    np.savez_compressed(path, image=images)


def accuracy(path, held_out):
    """Of onnxruntime on the held-out digits, one after the other."""
    import onnxruntime
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = (held_out["images"].astype(np.float32) / 16)[:, None, None]
    answers = [session.run(None, {"image": image})[0].argmax() for image in images]
    right = int((np.array(answers) == held_out["labels"]).sum())
    return {"digits": len(answers), "right": right, "accuracy": round(right / len(answers), 4)}


def main():
    parser = argparse.ArgumentParser(description="Quantizes the digits classifier.")
    parser.add_argument("adze")
    parser.add_argument("folder", help="where digits.onnx is and the files are written")
    parser.add_argument("--keep-calibration", action="store_true")
    options = parser.parse_args()

    def place(name):
        return os.path.join(options.folder, name)

    if not options.keep_calibration:
        write_calibration(place("calibration.npz"))
    done = subprocess.run(
        [options.adze, "quantize", place("digits.onnx"), "--calibrate", place("calibration.npz"),
         "--output", place("digits_int8.onnx"), "--json"], check=True, stdout=subprocess.PIPE)
    onnx.checker.check_model(place("digits_int8.onnx"), full_check=True)
    held_out = np.load(place("heldout.npz"))
    report = json.loads(done.stdout)
    figures = {"samples": SAMPLES, "sqnr_db": round(report["sqnr_db"], 1),
               "float": accuracy(place("digits.onnx"), held_out),
               "int8": accuracy(place("digits_int8.onnx"), held_out)}
    with open(place("quantization.json"), "w") as file:
        json.dump(figures, file, indent=2)
        file.write("\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
