"""Compares quantized models with TFLite's reference outputs, bit for bit.

    golden.py ADZE MODELS [-t TARGET...] [-m MODEL...] [--memory NAME=BYTES,...]

MODELS holds mlperf_tiny/NAME_int8_qdq/model.onnx and NAME_golden.npz (arrays
input_int8 and tflite_output_int8, one row a sample). For each model and target
a line says how many of the outputs are equal and the largest difference; the
exit code is 0 if all are equal.
"""
import argparse
import pathlib
import subprocess
import tempfile

import numpy

NAMES = ["ad01", "kws", "resnet8", "vww"]


def compare(adze, folder, name, target, memory):
    """Outputs, equal outputs and the largest difference over all samples."""
    model = folder / f"{name}_int8_qdq" / "model.onnx"
    golden = numpy.load(folder / f"{name}_golden.npz")
    expected = golden["tflite_output_int8"].astype(int)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        subject = model
        if target != "host":
            subject = work / "model"
            subprocess.run([adze, "compile", model, "-t", target, "-o", subject, *memory],
                           check=True, stdout=subprocess.DEVNULL)
        equal, largest = 0, 0
        for sample, reference in zip(golden["input_int8"], expected):
            numpy.savez(work / "in.npz", **{"in/input": sample.reshape(shape_of(name))})
            subprocess.run([adze, "run", subject, "-t", target, "-i", work / "in.npz", "-o",
                            work / "out.npz"], check=True, stdout=subprocess.DEVNULL)
            output = next(iter(numpy.load(work / "out.npz").values())).astype(int).reshape(-1)
            difference = numpy.abs(output - reference.reshape(-1))
            equal += int((difference == 0).sum())
            largest = max(largest, int(difference.max()))
    return expected.size, equal, largest


def shape_of(name):
    return {"ad01": (1, 640), "kws": (1, 49, 10, 1), "resnet8": (1, 32, 32, 3),
            "vww": (1, 96, 96, 3)}[name]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("adze")
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("-t", "--target", action="append")
    parser.add_argument("-m", "--model", action="append", choices=NAMES)
    parser.add_argument("--memory", help="memories that the arena is spread over")
    options = parser.parse_args()
    memory = ["--memory", options.memory] if options.memory else []
    exact = True
    for name in options.model or NAMES:
        for target in options.target or ["c"]:
            size, equal, largest = compare(options.adze, options.models / "mlperf_tiny", name,
                                           target, memory)
            exact = exact and equal == size
            print(f"{name} on {target}: {equal} of {size} outputs equal "
                  f"(fraction equal {equal / size:.6f}), largest difference {largest}", flush=True)
    raise SystemExit(0 if exact else 1)


if __name__ == "__main__":
    main()
