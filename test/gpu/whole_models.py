#!/usr/bin/env python3
"""A whole model on a GPU's target: assembled, built with gcc alone, run in ptxsim.

usage: whole_models.py ADZE MODEL.onnx --io IO.npz [-t cuda:sm_90a] [--seeds N]
                       [--compile-only] [--reference-shape S] [--rtol R] [--work DIR]

1. Every kernel goes through ptxas for its chip: no spills, no C75xx advice.
2. The artifact's folder builds with gcc and nothing but -ldl, without warnings.
3. `adze verify` passes in the simulator, under N orders of warps (seeds).
Registers and shared memory of each kernel are printed. With --reference-shape the
model's first input has that shape, and onnxruntime makes inputs and outputs.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import gpu_tools  # noqa: E402 (the path comes first)


def call(command, **options):
    done = subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nexit code {done.returncode}\n{done.stdout}")
    return done.stdout


def reference(model, shape, io):
    """Writes io.npz for a shape of the first input, and says how adze is told."""
    import numpy
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    dims = [int(size) for size in shape.split("x")]
    data = numpy.random.default_rng(0).random(dims, dtype=numpy.float32)
    outputs = session.run(None, {name: data})
    arrays = {f"out/{value.name}": array
              for value, array in zip(session.get_outputs(), outputs)}
    numpy.savez(io, **{f"in/{name}": data}, **arrays)
    return ["--shape", f"{name}={shape}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("adze")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--io", type=pathlib.Path)
    parser.add_argument("-t", "--target", default="cuda:sm_90a")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--reference-shape", metavar="1x1x32x32")
    parser.add_argument("--rtol")
    parser.add_argument("--compile-only", action="store_true")
    parser.add_argument("--work", type=pathlib.Path)
    options = parser.parse_args()
    os.environ["ADZE_CUDA_DRIVER"] = str(gpu_tools.simulator(options.adze))
    with tempfile.TemporaryDirectory(dir=options.work) as temporary:
        folder = pathlib.Path(temporary) / "artifact"
        shapes = []
        if options.reference_shape:
            options.io = folder.parent / "io.npz"
            shapes = reference(options.model, options.reference_shape, options.io)
        call([options.adze, "compile", options.model, "-t", options.target, "-o", folder, "-n",
              "net", *shapes])
        metadata = json.loads((folder / "net.json").read_text())
        problems = []
        for chip in metadata["chips"]:
            ptx = folder.parent / f"{chip}.ptx"
            ptx.write_text(gpu_tools.kernels_text(folder, "net", chip))
            kernels, wrong, _ = gpu_tools.assemble(ptx, chip, folder.parent / f"{chip}.cubin")
            problems += [f"{chip}: {problem}" for problem in wrong]
            for kernel, use in kernels.items():
                print(f"{chip} {kernel}: {use.registers} registers, {use.shared} B static shared")
            # Those of a list's first chip are described in the metadata.
            if chip == metadata["chips"][0]:
                missing = [grid["name"] for grid in metadata["grids"]
                           if grid["name"] not in kernels]
                problems += [f"{chip}: ptxas saw no kernel {name}" for name in missing]
        if problems:
            sys.exit("\n".join(problems))
        output = call(["gcc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion",
                       *sorted(folder.glob("*.c")), "-ldl", "-o", folder.parent / "example"])
        if output.strip():
            sys.exit(f"gcc warns:\n{output}")
        if options.compile_only:
            return
        tolerance = ["--rtol", options.rtol] if options.rtol else []
        for seed in range(options.seeds):
            environment = dict(os.environ, ADZE_PTXSIM_SEED=str(seed))
            if seed == options.seeds - 1 and seed > 0:
                environment["ADZE_CUDA_GRAPH"] = "0"
            print(call([options.adze, "verify", options.model, "-t", options.target, "--io",
                        options.io, *shapes, *tolerance], env=environment).strip().splitlines()[-1])


if __name__ == "__main__":
    try:
        main()
    except gpu_tools.MissingTool as missing:
        sys.exit(str(missing))
