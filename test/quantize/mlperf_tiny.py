#!/usr/bin/env python3
"""Quantizes float models of MLPerf Tiny and asks onnxruntime what it thinks.

usage: mlperf_tiny.py ADZE MODELS [--work DIR] [--table] [NAME]...

For each model ten of its golden inputs calibrate and the other ten judge. The
quantized file has to pass onnx.checker, to hold no float layer, and to reach
20 dB of signal over quantization noise on all golden inputs, in onnxruntime (as
written, and optimised to its integer kernels) and compiled by adze.

--table prints the figures of every method instead and judges nothing.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

NAMES = ["ad01", "kws", "resnet8", "vww"]
METHODS = ["minmax", "percentile", "entropy", "mse", "cosine"]
LEAST_SQNR = 20.0
# adze's integers are rounded once more than onnxruntime's floats: half a step
# here and there, far below the noise of quantization itself.
LEAST_AGREEMENT = 25.0


def decibels(want, got):
    """Ratio of the signal to its difference from what was got."""
    want, got = np.asarray(want, np.float64), np.asarray(got, np.float64)
    noise = ((want - got) ** 2).sum()
    return float("inf") if noise == 0 else 10 * np.log10((want ** 2).sum() / noise)


def run_onnxruntime(path, images, optimise):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"input": image})[0] for image in images])


def run_adze(adze, path, images, work):
    """One sample after the other, through files."""
    results = []
    for image in images:
        np.savez(work / "one.npz", **{"in/input": image})
        subprocess.run([adze, "run", path, "-i", work / "one.npz", "-o", work / "out.npz", "-j"],
                       check=True, stdout=subprocess.DEVNULL)
        results.append(np.load(work / "out.npz")["out/output"])
    return np.concatenate(results)


def quantize(adze, model, output, work, *options):
    done = subprocess.run([adze, "quantize", model, "-c", work / "calibrate.npz", "--check",
                           work / "check.npz", "-o", output, "--json", *options],
                          check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def images_of(models, name, work):
    golden = np.load(models / "mlperf_tiny" / f"{name}_golden.npz")
    images = ((golden["input_int8"].astype(np.float64) - golden["in_zp"])
              * golden["in_scale"]).astype(np.float32)
    np.savez(work / "calibrate.npz", input=images[:10])
    np.savez(work / "check.npz", input=images[10:])
    return images


def misplaced(path):
    """Layers whose operands are not all dequantized, or whose result is not
    quantized: what would run in float."""
    graph = onnx.load(path).graph
    producer = {name: node for node in graph.node for name in node.output}
    readers = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found = []
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul", "Add", "Softmax", "AveragePool"):
            continue
        operands = node.input if node.op_type != "AveragePool" else node.input[:1]
        behind = readers.get(node.output[0], [])
        if len(behind) == 1 and behind[0].op_type == "Relu":
            behind = readers.get(behind[0].output[0], [])
        if (any(producer[name].op_type != "DequantizeLinear" for name in operands)
                or [reader.op_type for reader in behind] != ["QuantizeLinear"]):
            found.append(node.name)
    return found


def check(adze, models, name, work):
    images = images_of(models, name, work)
    model = models / "mlperf_tiny" / f"{name}_float32" / "model.onnx"
    quantized = work / "quantized.onnx"
    report = quantize(adze, model, quantized, work)
    onnx.checker.check_model(str(quantized), full_check=True)
    problems = []
    if report["float_nodes"]:
        problems.append(f"in float: {report['float_nodes']}")
    if misplaced(quantized):
        problems.append(f"not between integers: {misplaced(quantized)}")
    if report["samples"] != 10 or report["checked"] != 10 or not report["layers"]:
        problems.append("the report is incomplete")
    want = run_onnxruntime(model, images, optimise=True)
    plain = run_onnxruntime(quantized, images, optimise=False)
    ours = run_adze(adze, quantized, images, work)
    figures = {"as written": decibels(want, plain),
               "onnxruntime's integers": decibels(want, run_onnxruntime(quantized, images, True)),
               "adze": decibels(want, ours)}
    for title, figure in figures.items():
        if figure < LEAST_SQNR:
            problems.append(f"{title}: {figure:.1f} dB, below {LEAST_SQNR}")
    if decibels(plain, ours) < LEAST_AGREEMENT:
        problems.append(f"adze and onnxruntime differ: {decibels(plain, ours):.1f} dB")
    print(name, ", ".join(f"{title} {figure:.1f} dB" for title, figure in figures.items()),
          f"agreement {decibels(plain, ours):.1f} dB")
    return problems


def table(adze, models, names, work):
    options = {method: ["-m", method] for method in METHODS}
    options["mse, no bias correction"] = ["--no-bias-correction"]
    options["mse, equalized"] = ["--equalize"]
    options["mse, per tensor"] = ["--per-tensor"]
    options["mse, per tensor, equalized"] = ["--per-tensor", "--equalize"]
    print("| method | " + " | ".join(names) + " | mean |\n|---|" + "---:|" * (len(names) + 1))
    for title, arguments in options.items():
        figures = []
        for name in names:
            images = images_of(models, name, work)
            model = models / "mlperf_tiny" / f"{name}_float32" / "model.onnx"
            quantize(adze, model, work / "quantized.onnx", work, "--no-report", *arguments)
            figures.append(decibels(run_onnxruntime(model, images, True),
                                    run_onnxruntime(work / "quantized.onnx", images, False)))
        print(f"| {title} | " + " | ".join(f"{figure:.1f}" for figure in figures)
              + f" | {np.mean(figures):.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Tests adze quantize on MLPerf Tiny.")
    parser.add_argument("adze")
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        work = pathlib.Path(folder)
        if options.table:
            table(options.adze, options.models, options.names, work)
            return 0
        problems = [f"{name}: {problem}" for name in options.names
                    for problem in check(options.adze, options.models, name, work)]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
