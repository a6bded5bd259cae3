#!/usr/bin/env python3
"""Mistakes planted into the PTX of GEMM kernels are caught.

usage: planted_bugs.py ADZE [--keep FOLDER]

Products with edges in M and N are compiled for sm_90a (TMA, mbarriers, wgmma)
and sm_80 (cp.async, ldmatrix, mma): a small one, on sm_90a one whose tiles are
stored in several boxes, and one whose results the threads store. Each mistake
is one change to the text in NAME_kernels.c (a tensor map: in NAME.c); the
artifact is built again with gcc and run in ptxsim, which has to fail with a
report that names the kernel, the line of PTX and the tile operation. A wrong
descriptor may read bytes that are there but not the ones that were meant: then
the numbers are wrong, and that is what has to show.
"""
import argparse
import dataclasses
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

STRIDE, SWIZZLE = 32, 62  # bits of a wgmma descriptor

MAIN = """
#include "{name}.h"
#include <stdio.h>
static unsigned short x[{m} * {k}], w[{k} * {n}];
static {type} y[{m} * {n}];
int main(int count, char **arguments) {{
  {name}_session *session;
  FILE *file = fopen(arguments[1], "rb");
  if (count != 3 || !file || fread(x, sizeof x, 1, file) != 1 ||
      fread(w, sizeof w, 1, file) != 1)
    return 2;
  fclose(file);
  if ({name}_create(&session, -1) ||
      {name}_run(session, (void *)x, (void *)w, (void *)y)) {{
    printf("%s\\n", {name}_message(session));
    return 1;
  }}
  file = fopen(arguments[2], "wb");
  fwrite(y, sizeof y, 1, file);
  fclose(file);
  {name}_destroy(session);
  return 0;
}}
"""


@dataclasses.dataclass
class Bug:
    """A change of the n-th match of a pattern, and what the report has to say."""

    name: str
    pattern: str
    change: object  # match -> text
    says: str = ""
    which: int = 0
    numbers: bool = False  # or the numbers are wrong


def add(group, amount):
    """Adds to an integer in a group of the match."""
    def change(match):
        begin, end = match.span(group)
        text = match.string
        return (text[match.start():begin] + str(int(match.group(group)) + amount) +
                text[end:match.end()])
    return change


def descriptor(change_bits):
    """Changes the constant fields of a descriptor (the swizzle is never 0)."""
    def change(match):
        bits = int(match.group(2)) & (2**64 - 1)
        bits = change_bits(bits)
        return match.group(1) + str(bits - 2**64 if bits >> 63 else bits) + ";"
    return change


def remove(match):
    return ""


HOPPER = [
    Bug("expect_tx too small", r"mbarrier\.arrive\.expect_tx[^\n]*?, (\d+);", add(1, -16),
        r"expect_tx is too small|ended before this copy"),
    Bug("expect_tx too large", r"mbarrier\.arrive\.expect_tx[^\n]*?, (\d+);", add(1, 16),
        r"16 bytes outstanding"),
    Bug("wrong phase, first wait", r"(mbarrier\.try_wait\.parity[^\n]*?\], )[^;]*;",
        lambda match: match.group(1) + "1;"),
    Bug("wrong phase, second wait", r"(mbarrier\.try_wait\.parity[^\n]*?\], )[^;]*;",
        lambda match: match.group(1) + "1;", which=1),
    Bug("wrong phase, never ends", r"(mbarrier\.try_wait\.parity[^\n]*?\], )[^;]*;",
        lambda match: match.group(1) + "0;", r"deadlock|race"),
    Bug("read before wait, first wait",
        r"mbarrier\.try_wait\.parity\S*( \t?)(\w+), [^;]*;",
        lambda match: f"setp.eq.u32 {match.group(2)}, 0, 0;"),
    Bug("read before wait, second wait",
        r"mbarrier\.try_wait\.parity\S*( \t?)(\w+), [^;]*;",
        lambda match: f"setp.eq.u32 {match.group(2)}, 0, 0;", which=1),
    Bug("missing wgmma.fence", r"wgmma\.fence\.sync\.aligned;", remove,
        r"no wgmma\.fence\.sync\.aligned since"),
    Bug("missing fence of mbarrier.init", r"fence\.mbarrier_init\.release\.cluster;", remove,
        r"not visible to the async proxy"),
    Bug("missing proxy fence", r"fence\.proxy\.async[^;]*;", remove,
        r"no fence\.proxy\.async since"),
    Bug("missing barrier before a store", r"bar\.sync[^;]*, 128;", remove,
        r"race|never been written", which=1),
    Bug("ends before the store has read", r"cp\.async\.bulk\.wait_group 0;", remove,
        r"ends without waiting until this copy has read"),
    Bug("accumulators before the wait", r"(wgmma\.wait_group\.sync\.aligned \t?)0;",
        lambda match: match.group(1) + "7;", r"still under way|still read"),
    Bug("descriptor's stride halved", r"(or\.b64 [^;]*?, )(-?\d{12,});",
        descriptor(lambda bits: bits & ~(0x3fff << STRIDE) |
                   ((bits >> STRIDE & 0x3fff) >> 1) << STRIDE), r"atoms overlap|mixes bytes|race",
        numbers=True),
    Bug("descriptor starts 16 bytes late", r"(or\.b64 [^;]*?, )(-?\d{12,});",
        descriptor(lambda bits: bits + 1), r"into the next row", numbers=True),
    Bug("descriptor starts 128 bytes late", r"(or\.b64 [^;]*?, )(-?\d{12,});",
        descriptor(lambda bits: bits + 8), r"swizzle pattern", numbers=True),
    Bug("descriptor's swizzle is another", r"(or\.b64 [^;]*?, )(-?\d{12,});",
        descriptor(lambda bits: bits ^ 3 << SWIZZLE), r"were copied with"),
    Bug("too many arrivals", r"(mbarrier\.arrive\.expect_tx[^\n]*?_, (\[[^\]]*\]), \d+;)",
        lambda match: match.group(1) + " mbarrier.arrive.shared::cta.b64 _, " + match.group(2) +
        ";"),
]
AMPERE = [
    Bug("read before wait", r"cp\.async\.wait_group \d+;", remove, r"under way|never been written"),
    Bug("waits for too few groups", r"(cp\.async\.wait_group )(\d+);", add(2, 2),
        r"under way|never been written"),
    Bug("missing barrier", r"(bar|barrier)(\.cta)?\.sync[^;]*;", remove,
        r"race|never been written"),
]
# Tiles of several boxes: the third is filled where the first was.
BOXES = [
    Bug("missing proxy fence, third box", r"fence\.proxy\.async[^;]*;", remove,
        r"no fence\.proxy\.async since", which=2),
    Bug("source overwritten before wait_group.read",
        r"cp\.async\.bulk\.wait_group\.read 1;", remove, r"overwrites .* still reads it"),
    Bug("waits for too few stores", r"(cp\.async\.bulk\.wait_group\.read )1;",
        lambda match: match.group(1) + "2;", r"overwrites .* still reads it"),
    Bug("missing barrier before a box is filled again", r"bar\.sync[^;]*, 128;", remove,
        r"race", which=3),
]
# The last columns of the product are not there: whoever asks for more than N
# columns or M rows stores past the end of the output.
EDGE = r"(setp\.[a-z]+\.[us]\d+ [^;]*?, )(%d|%d|%d|%d);"


def reported(text):
    """A report with the kernel, the line of PTX and the tile operation."""
    return (re.search(r"kernel '\w+'", text) and re.search(r"PTX line \d+ `", text) and
            "tile." in text)


class Artifact:
    """A GEMM of f16 compiled for a chip; `result` is the type of its output."""

    def __init__(self, adze, folder, chip, name, size, result=numpy.float16):
        self.chip, self.name = chip, f"{name}_{chip}"
        self.size, self.result = size, result
        m, n, k = size
        self.folder = folder / self.name
        model = folder / f"{self.name}.onnx"
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT16, [m, k]),
                  helper.make_tensor_value_info("w", TensorProto.FLOAT16, [k, n])]
        element = helper.np_dtype_to_tensor_dtype(numpy.dtype(result))
        nodes = [helper.make_node("MatMul", ["x", "w"], ["p"]),
                 helper.make_node("Cast", ["p"], ["y"], to=element)]
        if result == numpy.float16:
            nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
        graph = helper.make_graph(nodes, "g", inputs,
                                  [helper.make_tensor_value_info("y", element, [m, n])])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)],
                                    ir_version=8), model)
        subprocess.run([adze, "compile", model, "-t", f"cuda:{chip}", "-o", self.folder],
                       check=True)
        self.kernels = self.folder / f"{self.name}_kernels.c"
        self.text = self.kernels.read_text()
        rng = numpy.random.default_rng(7)
        x = (rng.integers(-8, 9, (m, k)) / 8).astype(numpy.float16)
        w = (rng.integers(-8, 9, (k, n)) / 8).astype(numpy.float16)
        self.data = self.folder / "input.bin"
        self.data.write_bytes(x.tobytes() + w.tobytes())
        self.expected = x.astype(numpy.float32) @ w.astype(numpy.float32)
        self.main = self.folder / "planted_main.c"
        self.main.write_text(MAIN.format(
            name=self.name, m=m, n=n, k=k,
            type="float" if result == numpy.float32 else "unsigned short"))
        self.host = self.folder / f"{self.name}.c"
        changed = (self.kernels, self.host, self.main, self.folder / "patched.c",
                   self.folder / "patched_host.c")
        others = [path for path in sorted(self.folder.glob("*.c"))
                  if path not in changed and not re.search(r"^int main\(", path.read_text(), re.M)]
        self.objects = [self.compile(path) for path in [*others, self.main]]

    def compile(self, source):
        target = source.with_suffix(".o")
        subprocess.run(["gcc", "-O1", "-c", source, "-o", target], check=True, cwd=self.folder)
        return target

    def run(self, text, simulator, host=None):
        """(exit code, what it printed, output or None) with these kernels and
        this text of NAME.c."""
        patched = self.folder / "patched.c"
        patched.write_text(text)
        patched_host = self.folder / "patched_host.c"
        patched_host.write_text(host or self.host.read_text())
        program = self.folder / "planted"
        subprocess.run(["gcc", *self.objects, self.compile(patched),
                        self.compile(patched_host), "-ldl", "-o", program],
                       check=True)
        result = self.folder / "output.bin"
        environment = dict(os.environ, ADZE_CUDA_DRIVER=str(simulator),
                           ADZE_PTXSIM_CHIP=self.chip)
        done = subprocess.run([program, self.data, result], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                              timeout=120)
        output = None
        if done.returncode == 0:
            output = numpy.fromfile(result, self.result).reshape(self.expected.shape)
            output = output.astype(numpy.float32)
        return done.returncode, done.stdout, output

    def right(self, output):
        return numpy.allclose(output, self.expected, rtol=2e-3, atol=2e-3)


def plant(text, bug):
    """The text with the bug, or None if it has no such place."""
    matches = list(re.finditer(bug.pattern, text))
    if len(matches) <= bug.which:
        return None
    match = matches[bug.which]
    return text[:match.start()] + bug.change(match) + text[match.end():]


def without_edges(text, size):
    """Every comparison with an edge of the output is moved far away."""
    m, n, _ = size
    return re.sub(EDGE % (m, m - 1, n, n - 1), lambda match: match.group(1) + "4096;", text)


def check(artifact, bugs, simulator, has_edges):
    """`has_edges`: threads store the results, up to the edges; else TMA does, to
    those of its tensor map."""
    failures = []
    code, said, output = artifact.run(artifact.text, simulator)
    if code or not artifact.right(output):
        return [f"{artifact.name} as it is: {said or 'wrong numbers'}"]
    for bug in bugs:
        text = plant(artifact.text, bug)
        name = f"{artifact.name}: {bug.name}"
        if text is None:
            failures.append(f"{name}: the kernel has no such place")
            continue
        code, said, output = artifact.run(text, simulator)
        if code == 1 and reported(said) and re.search(bug.says, said):
            print(f"{name}: reported")
        elif code == 0 and bug.numbers and not artifact.right(output):
            print(f"{name}: wrong numbers")
        else:
            failures.append(f"{name}: exit code {code}: {said[:2000] or 'nothing said'}")
    name = f"{artifact.name}: out-of-bounds tail"
    text, host = artifact.text, artifact.host.read_text()
    if has_edges:
        text = without_edges(text, artifact.size)
    else:
        m, n, _ = artifact.size
        host = host.replace(f"{{{n}u, {m}u}}", f"{{{n}u, {m + 64}u}}")
    if (text, host) == (artifact.text, artifact.host.read_text()):
        failures.append(f"{name}: neither the kernel nor a tensor map has the edges")
        return failures
    code, said, output = artifact.run(text, simulator, host)
    if code == 1 and reported(said):
        print(f"{name}: reported")
    else:
        failures.append(f"{name}: exit code {code}: {said[:2000] or 'nothing said'}")
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("adze", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for the artifacts")
    options = parser.parse_args()
    simulator = gpu_tools.simulator(options.adze)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or pathlib.Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        failures = []
        def look(bugs, has_edges, *what):
            nonlocal failures
            failures += check(Artifact(options.adze, folder, *what), bugs, simulator, has_edges)

        small, large = (200, 264, 1024), (1000, 2056, 128)
        look(HOPPER, False, "sm_90a", "product", small)
        look(BOXES, False, "sm_90a", "boxes", large)
        look([], True, "sm_90a", "direct", small, numpy.float32)
        look(AMPERE, True, "sm_80", "product", small)
    if failures:
        sys.exit("\n".join(failures))
    print("all mistakes were caught")


if __name__ == "__main__":
    main()
