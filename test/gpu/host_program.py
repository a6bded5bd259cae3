#!/usr/bin/env python3
"""The host side of a GPU's artifact, run in ptxsim.

usage: host_program.py ADZE

Small models made here: branches (several streams), a loop and a condition (no
graph), weights in a file of their own, an output that is an input. Each is
compiled, built with gcc and clang without a warning, and verified; messages
for what a user may get wrong are looked at.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy
import onnx
from onnx import TensorProto, helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import gpu_tools  # noqa: E402 (the path comes first)

FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]


def run(command, expect=0, **environment):
    done = subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=dict(os.environ, **environment),
                          check=False)
    if done.returncode != expect:
        sys.exit(f"{' '.join(map(str, command))}\nexit code {done.returncode}, not {expect}\n"
                 f"{done.stdout}")
    return done.stdout


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def branches():
    """Three independent chains between a fork and a join."""
    nodes = [helper.make_node("Softmax", ["x"], ["s"], axis=1)]
    for i in range(3):
        nodes += [helper.make_node("ReduceMax", ["s"], [f"m{i}"], axes=[1 - i % 2], keepdims=1),
                  helper.make_node("Softmax", ["s"], [f"t{i}"], axis=i % 2),
                  helper.make_node("Mul", [f"m{i}", f"t{i}"], [f"o{i}"]),
                  helper.make_node("Softmax", [f"o{i}"], [f"u{i}"], axis=0)]
    nodes += [helper.make_node("Sum", ["u0", "u1", "u2"], ["r"]),
              helper.make_node("Softmax", ["r"], ["y"], axis=1)]
    return helper.make_graph(nodes, "branches", [value("x", [8, 24])], [value("y", [8, 24])]), {
        "x": numpy.random.default_rng(1).random((8, 24), dtype=numpy.float32)}


def control():
    """A loop that ends by what it computes, and a condition."""
    body = helper.make_graph(
        [helper.make_node("Add", ["v", "v"], ["w"]),
         helper.make_node("ReduceMax", ["w"], ["m"], keepdims=0),
         helper.make_node("Less", ["m", "limit"], ["go"])], "body",
        [value("i", [], TensorProto.INT64), value("c", [], TensorProto.BOOL), value("v", [4])],
        [value("go", [], TensorProto.BOOL), value("w", [4])],
        [helper.make_tensor("limit", TensorProto.FLOAT, [], [100.0])])

    def branch(name, op):
        return helper.make_graph([helper.make_node(op, ["l"], [name])], name, [],
                                 [value(name, [4])])

    nodes = [helper.make_node("Loop", ["", "start", "x"], ["l"], body=body),
             helper.make_node("If", ["flag"], ["y"], then_branch=branch("t", "Sqrt"),
                              else_branch=branch("e", "Neg"))]
    return helper.make_graph(
        nodes, "control", [value("x", [4]), value("flag", [], TensorProto.BOOL)],
        [value("y", [4])], [helper.make_tensor("start", TensorProto.BOOL, [], [True])]), {
            "x": numpy.array([1, 2, 3, 4], numpy.float32), "flag": numpy.array(True)}


def heavy():
    """More weights than C arrays hold, and an input that is an output."""
    weights = numpy.random.default_rng(2).random((1100, 1000), dtype=numpy.float32) - 0.5
    nodes = [helper.make_node("MatMul", ["x", "w"], ["p"]),
             helper.make_node("Relu", ["p"], ["y"]), helper.make_node("Identity", ["x"], ["z"])]
    return helper.make_graph(nodes, "heavy", [value("x", [2, 1100])],
                             [value("y", [2, 1000]), value("z", [2, 1100])],
                             [onnx.numpy_helper.from_array(weights, "w")]), {
        "x": numpy.random.default_rng(3).random((2, 1100), dtype=numpy.float32)}


def check_model(adze, folder, name, graph, inputs, target="cuda:sm_90a"):
    """Returns the C source and what gcc makes of the folder."""
    import onnxruntime

    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs = session.run(None, inputs)
    arrays = {f"in/{key}": array for key, array in inputs.items()}
    arrays.update({f"out/{info.name}": array
                   for info, array in zip(session.get_outputs(), outputs)})
    numpy.savez(folder / f"{name}.npz", **arrays)
    artifact = folder / name
    run([adze, "compile", path, "-t", target, "-o", artifact])
    for chip in target.removeprefix("cuda:").split(","):
        ptx = folder / f"{name}.{chip}.ptx"
        ptx.write_text(gpu_tools.kernels_text(artifact, name, chip))
        _, problems, _ = gpu_tools.assemble(ptx, chip, folder / "cubin")
        if problems:
            sys.exit(f"{name}: " + "\n".join(problems))
    sources = sorted(artifact.glob("*.c"))
    for compiler in ("gcc", "clang-22"):
        run([compiler, *FLAGS, *sources, "-ldl", "-o", folder / f"{name}_{compiler}"])
    for graphs in ("1", "0"):
        text = run([adze, "verify", path, "-t", target, "--io", folder / f"{name}.npz"],
                   ADZE_CUDA_GRAPH=graphs)
        if "on ptxsim" not in text:
            sys.exit(f"{name}: does not say where it runs: {text}")
    # The folder alone, without the model.
    run([adze, "run", artifact, "--inputs", folder / f"{name}.npz"])
    return (artifact / f"{name}.c").read_text(), folder / f"{name}_gcc"


# Tensors on the device, a stream of the caller, two sets of addresses: the same
# numbers as from memory of the host.
DEVICE_TEST = r"""
#include "branches.h"
#include "branches_cuda.h"

static float x[BRANCHES_X_ELEMENTS], want[BRANCHES_Y_ELEMENTS], got[BRANCHES_Y_ELEMENTS];

#define CHECK(call)                                       \
  do {                                                    \
    int code = (call);                                    \
    if (code != 0) {                                      \
      printf("%s: %d %s\n", #call, code, branches_message(session)); \
      return 1;                                           \
    }                                                     \
  } while (0)

int main(void) {
  branches_session *session;
  adze_cu_driver driver;
  adze_cu_handle context, stream;
  adze_cu_pointer memory;
  char message[256];
  int device, round;
  size_t at = (sizeof x + 255) / 256 * 256, size = 4096;
  for (size_t i = 0; i < BRANCHES_X_ELEMENTS; ++i) {
    x[i] = (float)(i % 7) * 0.25f;
  }
  CHECK(branches_create(&session, 0));
  CHECK(branches_run(session, x, want));
  if (!adze_cu_open(&driver, message, sizeof message)) {
    return 1;
  }
  CHECK(driver.device_get(&device, 0));
  CHECK(driver.context_retain(&context, device));
  CHECK(driver.context_set(context));
  CHECK(driver.stream_create(&stream, ADZE_CU_STREAM_NON_BLOCKING));
  CHECK(driver.allocate(&memory, 4 * size));
  for (round = 0; round < 4; ++round) {
    adze_cu_pointer base = memory + (round == 2 ? 2 * size : 0);
    memset(got, 0, sizeof got);
    CHECK(driver.upload(base, x, sizeof x));
    CHECK(branches_run_device(session, (const float *)(uintptr_t)base,
                              (float *)(uintptr_t)(base + at), round == 3 ? NULL : stream));
    CHECK(driver.stream_synchronize(round == 3 ? NULL : stream));
    CHECK(driver.download_async(got, base + at, sizeof got, stream));
    CHECK(driver.stream_synchronize(stream));
    if (memcmp(got, want, sizeof got) != 0) {
      printf("round %d differs\n", round);
      return 1;
    }
  }
  CHECK(branches_run_device(session, NULL, NULL, stream) != BRANCHES_NULL_ARGUMENT);
  CHECK(driver.release(memory));
  CHECK(driver.stream_destroy(stream));
  branches_destroy(session);
  branches_destroy(NULL);
  return 0;
}
"""


def expect(text, pattern, what):
    if not re.search(pattern, text):
        sys.exit(f"{what}: nothing like '{pattern}' in:\n{text}")


def main():
    adze = sys.argv[1]
    simulator = str(gpu_tools.simulator(adze))
    os.environ["ADZE_CUDA_DRIVER"] = simulator
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        text, _ = check_model(adze, folder, "branches", *branches())
        expect(text, r"adze_cuda_launch\(c, \d+, 1,", "branches use a second stream")
        expect(text, r"adze_cuda_wait\(c, 0, \d+\);", "branches join stream 0")
        expect(text, r"adze_cuda_replay", "a program without conditions is a graph")
        source = folder / "device.c"
        source.write_text(DEVICE_TEST)
        library = [path for path in (folder / "branches").glob("*.c") if path.name != "main.c"]
        run(["gcc", *FLAGS, "-I", folder / "branches", source, *library, "-ldl", "-o",
             folder / "device"])
        for graphs in ("1", "0"):
            run([folder / "device"], ADZE_CUDA_GRAPH=graphs)
        text, _ = check_model(adze, folder, "control", *control())
        expect(text, r"adze_cuda_read", "a condition is read back")
        if "adze_cuda_replay" in text:
            sys.exit("a program with conditions is no graph")
        _, program = check_model(adze, folder, "heavy", *heavy())
        weights = folder / "heavy/heavy_weights.bin"
        expect(run([program, weights]), "y: 0", "the example prints an output")
        _, program = check_model(adze, folder, "both", *branches(), target="cuda:sm_80,sm_90a")
        for chip in ("sm_80", "sm_90a"):
            expect(run([program], ADZE_PTXSIM_CHIP=chip), f"code for {chip}",
                   "the code is that of the device")
        # Ampere's code runs on Ada, Hopper's runs on Hopper alone.
        expect(run([program], ADZE_PTXSIM_CHIP="sm_89"), "code for sm_80", "code of an older chip")

        # Mistakes.
        expect(run([folder / "branches_gcc"], 1, ADZE_CUDA_DRIVER="/nowhere/libcuda.so"),
               "there is no CUDA driver: /nowhere", "a driver that is not there")
        expect(run([folder / "branches_gcc"], 1, ADZE_PTXSIM_CHIP="sm_80"),
               r"compute capability 8\.0, and this model was compiled for sm_90a", "another chip")
        expect(run([program], 1, ADZE_CUDA_DRIVER="/nowhere"), "no CUDA driver", "no driver")
        model = folder / "branches.onnx"
        expect(run([adze, "compile", model, "-t", "cuda:sm_91"], 2),
               r"the GPU 'sm_91' of 'cuda:sm_91' is not known.*known: sm_80, sm_86, sm_89, sm_90a",
               "an unknown chip")
        expect(run([adze, "compile", model, "-t", "cuda:sm_80,sm_80"], 2), "twice", "a chip twice")
        expect(run([adze, "compile", model, "-t", "host", "--emit", "ptx"], 1),
               "add -t cuda", "a level of GPUs")
        expect(run([adze, "run", model, "--random", "-t", "cuda"], 1, ADZE_CUDA_DRIVER="/nowhere"),
               "/nowhere that ADZE_CUDA_DRIVER names cannot be loaded", "no library")
        print("the host program: branches, control flow, large weights, two chips, messages")


if __name__ == "__main__":
    try:
        main()
    except gpu_tools.MissingTool as missing:
        sys.exit(str(missing))
