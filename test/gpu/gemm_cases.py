#!/usr/bin/env python3
# ===- gemm_cases.py - Matrix products on simulated GPUs ---------------------===#
#
# Part of adze, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# ===------------------------------------------------------------------------===#
"""Runs the GEMM families through ptxsim and compares with float64.

Each case is an ONNX model of one fused kernel. Its PTX is made once for each
chip, assembled by ptxas (no spills, registers as the schedule says), launched
through the driver API that ptxsim exports, and its outputs are compared with a
product in float64 of the rounded inputs. Outputs begin as NaN and lie between
guards of bytes that nobody may write.

    gemm_cases.py --build BUILD [--chip sm_80 --chip sm_90a] [--filter TEXT]
"""

import argparse
import ctypes
import os
import re
import struct
import subprocess
import sys
import tempfile
import time

import gpu_tools  # beside this file
import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper

TYPES = {
    "f32": (TensorProto.FLOAT, np.dtype(np.float32)),
    "f16": (TensorProto.FLOAT16, np.dtype(np.float16)),
    "bf16": (TensorProto.BFLOAT16, np.dtype(ml_dtypes.bfloat16)),
}
# Relative L2 error: one rounding of the result, and sums in f32.
TOLERANCE = {"f32": 2e-6, "f16": 6e-4, "bf16": 5e-3}


class Case:
    """A model, how to compute it in float64, and the schedule to force."""

    def __init__(self, name, dtype, nodes, inputs, output, reference,
                 schedule="", out_type=None, chips=None):
        self.name, self.dtype, self.nodes = name, dtype, nodes
        self.inputs, self.output = inputs, output
        self.reference, self.schedule = reference, schedule
        self.out_type = out_type or dtype
        self.chips = chips

    def model(self):
        element = TYPES[self.dtype][0]
        graph = helper.make_graph(
            self.nodes, "g",
            [helper.make_tensor_value_info(n, element, s)
             for n, s in self.inputs.items()],
            [helper.make_tensor_value_info(
                "y", TYPES[self.out_type][0], self.output)])
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)

    def data(self):
        rng = np.random.default_rng(hash_of(self.name))
        return {n: rng.uniform(-1, 1, s).astype(np.float32).astype(
            TYPES[self.dtype][1]) for n, s in self.inputs.items()}


def hash_of(text):
    value = 1
    for byte in text.encode():
        value = value * 31 + byte & 0x7FFFFFFF
    return value


def gemm(dtype, m, n, k, ta=False, tb=False, schedule="", chips=None):
    a = [k, m] if ta else [m, k]
    b = [n, k] if tb else [k, n]
    node = helper.make_node("Gemm", ["a", "b"], ["y"], transA=int(ta),
                            transB=int(tb))
    name = f"{dtype} {m}x{n}x{k} {'t' if ta else 'n'}{'t' if tb else 'n'}"
    if schedule:
        name += f" {schedule}"
    return Case(name, dtype, [node], {"a": a, "b": b}, [m, n],
                lambda a, b: (a.T if ta else a) @ (b.T if tb else b),
                schedule, chips=chips)


def batched(dtype, a, b, schedule=""):
    out = list(np.broadcast_shapes(a[:-2], b[:-2])) + [a[-2], b[-1]]
    node = helper.make_node("MatMul", ["a", "b"], ["y"])
    return Case(f"{dtype} matmul {a} {b} {schedule}", dtype, [node],
                {"a": a, "b": b}, out, np.matmul, schedule)


def erf(x):
    from math import erf as scalar
    return np.vectorize(scalar)(x)


def epilogue(dtype, kind, m, n, k, schedule=""):
    make = helper.make_node
    inputs = {"a": [m, k], "b": [k, n]}
    output, out_type = [m, n], None
    product = make("MatMul", ["a", "b"], ["p"])
    bias = make("Add", ["p", "c"], ["q"])
    if kind == "bias":
        inputs["c"] = [n]
        nodes = [product, make("Add", ["p", "c"], ["y"])]
        reference = lambda a, b, c: a @ b + c
    elif kind == "gemm-bias":
        inputs["c"] = [n]
        nodes = [make("Gemm", ["a", "b", "c"], ["y"])]
        reference = lambda a, b, c: a @ b + c
    elif kind == "column-bias":
        inputs["c"] = [m, 1]
        nodes = [make("Gemm", ["a", "b", "c"], ["y"])]
        reference = lambda a, b, c: a @ b + c
    elif kind == "scale":
        nodes = [make("Gemm", ["a", "b"], ["y"], alpha=0.375)]
        reference = lambda a, b: 0.375 * (a @ b)
    elif kind == "relu":
        inputs["c"] = [n]
        nodes = [product, bias, make("Relu", ["q"], ["y"])]
        reference = lambda a, b, c: np.maximum(a @ b + c, 0)
    elif kind == "gelu":
        inputs["c"] = [n]
        nodes = [product, bias, make("Gelu", ["q"], ["y"])]
        reference = lambda a, b, c: (a @ b + c) * 0.5 * (
            1 + erf((a @ b + c) / np.sqrt(2)))
    elif kind == "tanh":
        nodes = [product, make("Tanh", ["p"], ["y"])]
        reference = lambda a, b: np.tanh(a @ b)
    elif kind == "residual":
        inputs["c"], inputs["r"] = [n], [m, n]
        nodes = [product, bias, make("Add", ["q", "r"], ["y"])]
        reference = lambda a, b, c, r: a @ b + c + r
    elif kind == "cast":
        out_type = "f32" if dtype != "f32" else "f16"
        nodes = [product, make("Cast", ["p"], ["y"], to=TYPES[out_type][0])]
        reference = lambda a, b: a @ b
    elif kind == "transpose":
        output = [n, m]
        nodes = [product, make("Transpose", ["p"], ["y"], perm=[1, 0])]
        reference = lambda a, b: (a @ b).T
    return Case(f"{dtype} {kind} {m}x{n}x{k} {schedule}", dtype, nodes, inputs,
                output, reference, schedule, out_type)


def wgmma_cases():
    """Warp groups with TMA: every tile and transpose with tails in M, N and K,
    more tiles than blocks, parts of K, epilogues, batches, clusters, results
    that TMA or the threads store."""
    cases, chips = [], ("sm_90a",)
    form = "gemm.wgmma,tile={}x64,stages={},split_k={}".format
    for tile in ("64x64", "64x128", "64x256", "128x64", "128x128", "128x256",
                 "256x64", "256x128"):
        for ta in (False, True):
            for tb in (False, True):
                cases.append(gemm("bf16", 200, 328, 136, ta, tb,
                                  form(tile, 3, 1), chips))
    cases.append(gemm("bf16", 512, 512, 512, False, True,
                      form("128x256", 4, 1), chips))
    cases.append(gemm("f16", 1024, 2048, 72, False, False,
                      form("64x128", 4, 1), chips))
    cases.append(gemm("bf16", 72, 64, 1024, False, False, form("64x64", 4, 4),
                      chips))
    for kind in ("bias", "gelu", "residual", "cast", "transpose",
                 "column-bias"):
        cases.append(epilogue("bf16", kind, 136, 72, 80,
                              form("128x64", 2, 1)))
        cases.append(epilogue("f16", kind, 200, 264, 80,
                              form("128x256", 3, 1)))
    # Rows of no whole 16 bytes: the threads store.
    for n in (330, 331):
        cases.append(gemm("bf16", 200, n, 136, False, True,
                          form("128x256", 3, 1), chips))
    for a, b in (([3, 136, 40], [3, 40, 72]), ([2, 3, 72, 64], [3, 64, 40]),
                 ([2, 1, 64, 64], [1, 3, 64, 72])):
        cases.append(batched("bf16", a, b, form("64x64", 2, 1)))
    # Two blocks of a cluster share B (2x1) or A (1x2).
    shared = "gemm.wgmma,tile={}x64,stages=3,split_k={},cluster={}".format
    for cluster in ("2x1", "1x2"):
        for ta in (False, True):
            for tb in (False, True):
                cases.append(gemm("bf16", 200, 456, 136, ta, tb,
                                  shared("128x256", 1, cluster)))
        cases.append(gemm("f16", 3072, 1536, 72, False, True,
                          shared("128x128", 1, cluster)))
        cases.append(gemm("bf16", 256, 256, 1024, False, True,
                          shared("128x128", 2, cluster)))
        cases.append(batched("bf16", [3, 200, 72], [3, 72, 200],
                             shared("128x128", 1, cluster)))
    # Two warp groups take turns: tiles, parts of a round, clusters.
    turns = "gemm.wgmma,tile={}x64,stages={},cluster={},roles=pingpong".format
    for tile, stages, cluster, k in (("64x128", 2, "1x1", 64),
                                     ("64x256", 4, "1x1", 200),
                                     ("128x128", 3, "1x2", 264)):
        cases.append(gemm("bf16", 2056, 1536, k, False, True,
                          turns(tile, stages, cluster)))
    # Boxes of results that are filled again, for the next tile as well.
    cases.append(epilogue("bf16", "residual", 2056, 1544, 72,
                          turns("64x256", 3, "1x1")))
    cases.append(epilogue("f16", "residual", 1096, 4360, 72,
                          form("128x256", 2, 1)))
    cases.append(batched("bf16", [2, 1, 2, 72, 64], [1, 2, 1, 64, 200],
                         form("64x128", 2, 1)))
    for case in cases:
        case.chips = chips
    return cases


def all_cases():
    cases = []
    shapes = [(64, 64, 64), (129, 65, 71), (7, 257, 129), (1, 64, 33),
              (257, 129, 40), (16, 72, 264), (33, 31, 8)]
    for dtype in ("bf16", "f16", "f32"):
        for m, n, k in shapes:
            for ta in (False, True):
                for tb in (False, True):
                    cases.append(gemm(dtype, m, n, k, ta, tb))
    for dtype in ("bf16", "f32"):
        cases += [batched(dtype, [3, 33, 40], [3, 40, 24]),
                  batched(dtype, [2, 3, 17, 32], [3, 32, 40]),
                  batched(dtype, [1, 65, 16], [4, 16, 64]),
                  batched(dtype, [2, 1, 5, 32], [1, 3, 32, 8]),
                  batched(dtype, [5, 1, 64], [5, 64, 100])]
    for kind in ("bias", "gemm-bias", "column-bias", "scale", "relu", "gelu",
                 "tanh", "residual", "cast", "transpose"):
        cases.append(epilogue("bf16", kind, 65, 66, 48))
        cases.append(epilogue("f32", kind, 33, 70, 24))
        cases.append(epilogue("f16", kind, 4, 96, 64))
    # Forced schedules.
    for tile in ("64x64", "128x64", "64x128", "128x128"):
        for depth, stages in ((32, 2), (32, 4), (64, 3)):
            s = f"gemm.mma_sync,tile={tile}x{depth},stages={stages},split_k=1"
            cases.append(gemm("bf16", 200, 136, 168, False, True, s))
    for tile in ("256x128", "128x256"):
        s = f"gemm.mma_sync,tile={tile}x32,stages=3,split_k=1"
        cases.append(gemm("f16", 260, 264, 96, True, False, s))
        cases.append(gemm("bf16", 260, 264, 96, False, True, s))
    for parts in (2, 4):
        s = f"gemm.mma_sync,tile=64x64x32,stages=3,split_k={parts}"
        cases.append(gemm("bf16", 70, 68, 512, False, False, s))
        cases.append(epilogue("f16", "gelu", 65, 66, 509, s))
        cases.append(batched("bf16", [2, 65, 512], [2, 512, 70], s))
    for tile in ("128x128x8", "128x64x8", "64x128x8", "64x64x8,split=8x4", "64x64x8,split=4x4",
                 "32x64x8", "32x32x8"):
        s = f"gemm.simt,tile={tile}"
        cases.append(gemm("f32", 130, 132, 37, False, False, s))
        cases.append(gemm("f32", 128, 128, 64, True, True, s))
    cases.append(gemm("bf16", 70, 72, 50, True, False, "gemm.simt"))
    for split in ("4x1", "8x2", "16x4", "32x4", "4x8"):
        s = f"gemm.flat,split={split}"
        cases.append(gemm("f16", 4, 264, 272, False, False, s))
    for split in ("1x1", "1x2", "1x4"):
        s = f"gemm.flat,split={split}"
        cases.append(gemm("f32", 5, 130, 300, False, True, s))
        cases.append(gemm("bf16", 16, 66, 1024, True, True, s))
    return cases + wgmma_cases()


# ===------------------------------------------------------------------------===#
# From models to PTX
# ===------------------------------------------------------------------------===#


class Kernel:
    def __init__(self, text):
        self.name = re.search(r"tile\.kernel @(\w+)", text).group(1)
        array = lambda name: [int(x) for x in re.search(
            rf"\b{name} = array<i64: ([^>]*)>", text).group(1).split(",")]
        number = lambda name: int(re.search(
            rf"\b{name} = (\d+)", text).group(1))
        self.grid, self.block = array("grid"), number("block")
        outside = re.sub(r"#kernel\.schedule<.*?}>", "", text)
        match = re.search(r"\bshared_bytes = (\d+)", outside)
        self.shared = int(match.group(1)) if match else 0
        match = re.search(r"\bcluster = array<i64: ([^>]*)>", outside)
        self.cluster = [int(x) for x in match.group(1).split(",")] if match \
            else [1, 1, 1]
        match = re.search(r"registers = (\d+)", text)
        self.registers = int(match.group(1)) if match else None
        self.family, decisions = re.search(
            r'schedule<"([\w.]+)", {(.*?)}>', text).groups()
        # As --schedule takes them: "tile=64x64x32", "stages=3".
        self.decisions = {
            f"{name}=" + "x".join(re.findall(r"-?\d+", numbers) if numbers
                                  else [word or number])
            for name, numbers, word, number in re.findall(
                r'(\w+) = (?:\[([^\]]*)\]|"(\w*)"|(-?\d+))', decisions)}
        self.arguments = []  # (bytes, tensor map text or None)
        signature = re.search(r"tile\.kernel @\w+\((.*?)\) +attributes", text,
                              re.S).group(1)
        for part in re.split(r"%arg\d+:", signature)[1:]:
            shape = re.search(r"memref<([^>]*)>", part).group(1).split("x")
            size = 1
            for dim in shape[:-1]:
                size *= int(dim)
            bits = int(re.search(r"\d+", shape[-1]).group(0))
            tensor_map = re.search(r"#tile\.tensor_map<([^>]*)>", part)
            self.arguments.append((size * bits // 8,
                                   tensor_map and tensor_map.group(1)))


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def compile_case(tools, case, chip, folder):
    """PTX, kernels in order of launch, arguments of the program that the first
    arguments are; or a sentence of what went wrong."""
    path = os.path.join(folder, "model.onnx")
    if not getattr(case, "nn", None):
        onnx.save(case.model(), path)
        done = run([tools["adze"], "compile", path, "-t", "host", "--emit=nn"])
        if done.returncode:
            return "import: " + done.stderr.strip()
        case.nn = done.stdout
    select = f"select-gemm{{chip={chip}"
    if case.schedule:
        select += f" schedule={case.schedule}"
    passes = (f"builtin.module(form-kernels,{select}}},lower-gemm{{chip={chip}}}"
              f",canonicalize,cse,print-ptx{{chip={chip}}})")
    done = run([tools["adze-opt"], f"--pass-pipeline={passes}",
                "--mlir-print-local-scope"], input=case.nn)
    if done.returncode:
        return "passes: " + done.stderr.strip()[-400:]
    ptx = done.stderr[done.stderr.find("//\n"):]
    texts = re.findall(r"^  tile\.kernel.*", done.stdout, re.M)
    kernels = {k.name: k for k in map(Kernel, texts)}
    calls = re.findall(r"kernel\.call @\w+\(([^)]*)\)", done.stdout)
    listed = re.search(r"adze\.tile = (\[[^\]]*\]|@\w+)", done.stdout)
    if len(calls) != 1 or not listed:
        return "the model is not one GEMM kernel"
    order = [kernels[n] for n in re.findall(r"@(\w+)", listed.group(1))]
    # A reshaped argument is a view of it.
    views = dict(re.findall(r"%(\w+) = kernel\.view %(\w+)", done.stdout))
    inputs = [int(views.get(name, name).removeprefix("arg"))
              for name in re.findall(r"%(\w+)", calls[0])]
    return ptx, order, inputs


def assemble(tools, ptx, chip, kernels, folder):
    path = os.path.join(folder, "kernels.ptx")
    with open(path, "w") as out:
        out.write(ptx)
    done = run([tools["ptxas"], "-v", f"-arch={chip}", path, "-o",
                os.path.join(folder, "kernels.cubin")])
    log = done.stdout + done.stderr
    if done.returncode:
        return "ptxas: " + log.strip()[-300:]
    if re.search(r"C75\d\d", log):
        return "ptxas: serialized tensor cores (C75xx)"
    for stores, loads in re.findall(
            r"(\d+) bytes spill stores, (\d+) bytes spill loads", log):
        if stores != "0" or loads != "0":
            return f"ptxas: spills {stores} and {loads} bytes"
    used = dict(re.findall(r"function '(\w+)'.*?Used (\d+) registers", log,
                           re.S))
    main = kernels[0]
    if int(used.get(main.name, 0)) > main.registers:
        return (f"registers: {used[main.name]} used, {main.registers} "
                f"predicted by {main.family}")
    return int(used.get(main.name, 0))


# ===------------------------------------------------------------------------===#
# The driver API
# ===------------------------------------------------------------------------===#

GUARD = 256


class Driver:
    def __init__(self, library, chip):
        os.environ["ADZE_PTXSIM_CHIP"] = chip
        self.lib = ctypes.CDLL(library)
        self.lib.adzePtxsimLastReport.restype = ctypes.c_char_p
        self.check("cuInit", 0)
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self.check("cuDeviceGet", ctypes.byref(device), 0)
        self.check("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self.check("cuCtxSetCurrent", context)

    def check(self, name, *arguments):
        status = getattr(self.lib, name)(*arguments)
        if status:
            report = self.lib.adzePtxsimLastReport() or b""
            raise RuntimeError(f"{name}: {status}: {report.decode()[:600]}")

    def upload(self, data):
        """Device address of bytes between two guards."""
        whole = b"\xAB" * GUARD + data + b"\xAB" * GUARD
        address = ctypes.c_uint64()
        self.check("cuMemAlloc_v2", ctypes.byref(address),
                   ctypes.c_size_t(len(whole)))
        self.check("cuMemcpyHtoD_v2", address, whole,
                   ctypes.c_size_t(len(whole)))
        return address.value + GUARD

    def download(self, address, size):
        whole = ctypes.create_string_buffer(size + 2 * GUARD)
        self.check("cuMemcpyDtoH_v2", whole, ctypes.c_uint64(address - GUARD),
                   ctypes.c_size_t(size + 2 * GUARD))
        data = whole.raw
        if data[:GUARD] + data[GUARD + size:] != b"\xAB" * (2 * GUARD):
            raise RuntimeError("bytes beside the output were written")
        return data[GUARD:GUARD + size]

    def free(self, address):
        self.check("cuMemFree_v2", ctypes.c_uint64(address - GUARD))

    def tensor_map(self, text, address):
        numbers = lambda name: [int(x) for x in re.search(
            rf"{name} = \[([^\]]*)\]", text).group(1).split(",") if x.strip()]
        number = lambda name: int(re.search(rf"{name} = (\d+)", text).group(1))
        element = {"f16": 6, "f32": 7, "bf16": 9}[text.split(",")[0].strip()]
        shape, strides, box = map(numbers, ("shape", "strides", "box"))
        swizzle = {0: 0, 32: 1, 64: 2, 128: 3}[number("swizzle")]
        l2 = {0: 0, 64: 1, 128: 2, 256: 3}[number("l2")]
        raw = ctypes.create_string_buffer(128 + 64)
        start = -(-ctypes.addressof(raw) // 64) * 64
        rank = len(shape)
        u64, u32 = ctypes.c_uint64, ctypes.c_uint32
        self.check("cuTensorMapEncodeTiled", ctypes.c_void_p(start), element,
                   rank, u64(address), (u64 * rank)(*shape),
                   (u64 * max(1, rank - 1))(*strides), (u32 * rank)(*box),
                   (u32 * rank)(*[1] * rank), 0, swizzle, l2, 0)
        return raw, start

    def launch(self, function, kernel, addresses):
        keep, pointers = [], []
        for (_, tensor_map), address in zip(kernel.arguments, addresses):
            if tensor_map:
                raw, start = self.tensor_map(tensor_map, address)
                keep.append(raw)
                pointers.append(start)
                continue
            value = ctypes.c_uint64(address)
            keep.append(value)
            pointers.append(ctypes.addressof(value))
        array = (ctypes.c_void_p * len(pointers))(*pointers)
        if kernel.shared > 48 * 1024:
            self.check("cuFuncSetAttribute", function, 8, kernel.shared)
        if kernel.cluster != [1, 1, 1]:
            # CUlaunchConfig with one attribute: the cluster's dimensions.
            attribute = struct.pack("<I4xIII52x", 4, *kernel.cluster)
            attribute = ctypes.create_string_buffer(attribute, 72)
            config = ctypes.create_string_buffer(struct.pack(
                "<IIIIIIIxxxxQQI4x", *kernel.grid, kernel.block, 1, 1,
                kernel.shared, 0, ctypes.addressof(attribute), 1))
            self.check("cuLaunchKernelEx", config, function, array, None)
        else:
            self.check("cuLaunchKernel", function, *kernel.grid, kernel.block,
                       1, 1, kernel.shared, None, array, None)
        self.check("cuCtxSynchronize")

    def run(self, ptx, kernels, inputs, output_size):
        module = ctypes.c_void_p()
        self.check("cuModuleLoadDataEx", ctypes.byref(module), ptx.encode(), 0,
                   None, None)
        addresses = [self.upload(data) for data in inputs]
        addresses.append(self.upload(b"\xFF" * output_size))
        for size, _ in kernels[0].arguments[len(addresses):]:
            addresses.append(self.upload(b"\xFF" * size))
        for kernel in kernels:
            function = ctypes.c_void_p()
            self.check("cuModuleGetFunction", ctypes.byref(function), module,
                       kernel.name.encode())
            self.launch(function, kernel, addresses)
        result = self.download(addresses[len(inputs)], output_size)
        for address in addresses:
            self.free(address)
        self.check("cuModuleUnload", module)
        return result


def compare(case, values, raw):
    element = TYPES[case.out_type][1]
    got = np.frombuffer(raw, element).reshape(case.output).astype(np.float64)
    want = case.reference(*[v.astype(np.float64) for v in values])
    if not np.isfinite(got).all():
        return f"{np.count_nonzero(~np.isfinite(got))} elements not stored", 0
    error = np.linalg.norm(got - want) / max(np.linalg.norm(want), 1e-30)
    # The narrower type decides.
    limit = max(TOLERANCE[case.dtype] if case.out_type == case.dtype else 2e-6,
                TOLERANCE[case.out_type])
    worst = np.abs(got - want).max() / max(np.abs(want).max(), 1e-30)
    if error > limit or worst > 8 * limit:
        return f"L2 {error:.2e} > {limit:.0e}, worst {worst:.2e}", error
    return "", error


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--chip", action="append")
    parser.add_argument("--filter", default="")
    parser.add_argument("--adze")
    parser.add_argument("--adze-opt")
    parser.add_argument("--ptxsim")
    parser.add_argument("--ptxas")
    parser.add_argument("--keep", help="folder for the PTX of failures")
    options = parser.parse_args()
    build = options.build
    tools = {
        "adze": options.adze or f"{build}/tools/adze/adze",
        "adze-opt": options.adze_opt or f"{build}/tools/adze-opt/adze-opt",
        "ptxas": options.ptxas or gpu_tools.find("ptxas"),
    }
    library = options.ptxsim or f"{build}/runtime/ptxsim/libadze_ptxsim.so"
    chips = options.chip or ["sm_80", "sm_90a"]
    cases = [c for c in all_cases() if options.filter in c.name]
    failures, begin = [], time.time()
    from concurrent.futures import ThreadPoolExecutor
    for chip in chips:
        driver = Driver(library, chip)
        mine = [c for c in cases if not c.chips or chip in c.chips]

        def prepare(case):
            with tempfile.TemporaryDirectory() as folder:
                made = compile_case(tools, case, chip, folder)
                if isinstance(made, str):
                    return made, None
                return made, assemble(tools, made[0], chip, made[1], folder)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            prepared = list(pool.map(prepare, mine))
        families = {}
        for case, (made, registers) in zip(mine, prepared):
            error, problem, family = 0.0, "", "-"
            if isinstance(made, str):
                problem = made
            else:
                ptx, kernels, order = made
                family = kernels[0].family
                if isinstance(registers, str):
                    problem = registers
                wanted = case.schedule.split(",") if case.schedule else []
                if wanted and (family != wanted[0] or
                               set(wanted[1:]) - kernels[0].decisions):
                    problem = f"the schedule {case.schedule} is not legal"
                values = list(case.data().values())
                size = int(np.prod(case.output)) * \
                    TYPES[case.out_type][1].itemsize
                try:
                    raw = driver.run(ptx, kernels,
                                     [values[i].tobytes() for i in order], size)
                    wrong, error = compare(case, values, raw)
                    problem = wrong or problem
                except RuntimeError as fault:
                    problem = str(fault)
                if problem and options.keep:
                    os.makedirs(options.keep, exist_ok=True)
                    name = re.sub(r"\W+", "_", case.name)
                    with open(f"{options.keep}/{chip}_{name}.ptx", "w") as out:
                        out.write(ptx)
            families[family] = families.get(family, 0) + 1
            print(f"{'FAIL' if problem else 'ok':4} {chip:7} {case.name:64} "
                  f"{family:14} {registers if not problem else '':>4} "
                  f"{error:.1e} {problem}")
            if problem:
                failures.append(case.name)
        print(f"{chip}: {len(mine)} cases, " + ", ".join(
            f"{n} {f}" for f, n in sorted(families.items())))
    print(f"{len(failures)} failures, {time.time() - begin:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
