#!/usr/bin/env python3
# ===- tcgen05.py - The machine code of kernels with tensor memory ----------===#
#
# Part of adze, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# ===------------------------------------------------------------------------===#
"""Assembles what adze makes for sm_100a with tcgen05; nothing runs.

There is no such GPU in the tests, and ptxsim refuses sm_100a. What is checked:
ptxas takes the code without spills, the main loop of gemm.tcgen05 has 4 UTCHMMA
(64 of K, 16 a time), and the columns of tensor memory are allocated, loaded
and given back. A product that the family refuses has to be one of mma.sync.

    tcgen05.py ADZE [--keep FOLDER]

ADZE is the program of a build; adze-opt is the one beside it.
"""
import argparse
import dataclasses
import pathlib
import re
import subprocess
import sys
import tempfile

import gpu_tools
from sass import loops

OPERATIONS = pathlib.Path(__file__).resolve().parents[1] / "codegen/ptx/tile/tcgen05.mlir"
PRODUCT = """kernel.func private @product(%a: tensor<{a}x{t}>, %b: tensor<{b}x{t}>, %c: tensor<{n}x{t}>) -> tensor<{m}x{n}x{t}> {{
  %zero = arith.constant 0.0 : {t}
  %empty = tensor.empty() : tensor<{m}x{n}x{t}>
  %y = nn.matmul %a, %b, %c {flags}: (tensor<{a}x{t}>, tensor<{b}x{t}>, tensor<{n}x{t}>) -> tensor<{m}x{n}x{t}>
  %r = linalg.generic {{indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}}
      ins(%y : tensor<{m}x{n}x{t}>) outs(%empty : tensor<{m}x{n}x{t}>) {{
  ^bb0(%in: {t}, %out: {t}):
    %m = arith.maximumf %in, %zero : {t}
    linalg.yield %m : {t}
  }} -> tensor<{m}x{n}x{t}>
  kernel.return %r : tensor<{m}x{n}x{t}>
}}
"""


@dataclasses.dataclass
class Case:
    """A product of M x K and K x N with a bias and an activation."""

    tile: str  # empty: the family refuses it
    m: int
    n: int
    k: int
    type: str = "bf16"
    transA: bool = False
    transB: bool = False

    def source(self):
        flags = [name for name, wanted in (("trans_a", self.transA), ("trans_b", self.transB))
                 if wanted]
        return PRODUCT.format(
            m=self.m, n=self.n, t=self.type,
            a=f"{self.k}x{self.m}" if self.transA else f"{self.m}x{self.k}",
            b=f"{self.n}x{self.k}" if self.transB else f"{self.k}x{self.n}",
            flags="{" + ", ".join(flags) + "} " if flags else "")

    def __str__(self):
        layout = ("t" if self.transA else "n") + ("t" if self.transB else "n")
        return f"{self.m}x{self.n}x{self.k} {self.type} {layout} {self.tile or 'refused'}"


CASES = [Case("128x128x64", 512, 1024, 768), Case("128x256x64", 512, 1024, 768),
         Case("128x128x64", 512, 1024, 768, transB=True),
         Case("128x256x64", 512, 1024, 768, "f16", transA=True, transB=True),
         Case("128x128x64", 500, 1000, 200, "f16"), Case("128x256x64", 500, 1000, 200, transB=True),
         Case("128x128x64", 512, 1024, 64),
         # Rows that TMA cannot read; too few rows; true f32.
         Case("", 512, 1024, 764, transB=True), Case("", 64, 1024, 768),
         Case("", 512, 1024, 768, "f32")]


def print_ptx(adze_opt, source, passes):
    """PTX text of a module."""
    done = subprocess.run([str(adze_opt), f"--pass-pipeline=builtin.module({passes})"],
                          input=source, text=True, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stderr[done.stderr.find("//\n"):]


def machine_code(ptx, folder):
    """(What ptxas says of the kernels, problems, SASS)."""
    text, cubin = folder / "kernel.ptx", folder / "kernel.cubin"
    text.write_text(ptx)
    kernels, problems, _ = gpu_tools.assemble(text, "sm_100a", cubin)
    if problems:
        return kernels, problems, ""
    sass = subprocess.run([gpu_tools.find("nvdisasm"), "-c", str(cubin)], text=True,
                          capture_output=True, check=True).stdout
    return kernels, problems, sass


def check(case, ptx, sass):
    """Sentences of what is wrong."""
    wrong = []
    if not case.tile:
        if "tcgen05" in ptx or "UTCHMMA" in sass:
            wrong.append("is a kernel of tcgen05")
        if case.type != "f32" and "HMMA" not in sass:
            wrong.append("no HMMA")
        return wrong
    products = [body for body in loops(sass) if any("UTCHMMA" in code for code in body)]
    steps = -(-case.k // 64)
    counts = ([sum("UTCHMMA" in code for code in body) for body in products]
              if steps > 1 else [sass.count("UTCHMMA")])
    if not counts or min(counts) != 4:
        wrong.append(f"UTCHMMA a step of K: {counts}, 4 wanted")
    # LDTM: from tensor memory; UTCBAR: the commits; UTCATOMSWS: allocation.
    for name in ("LDTM", "UTCBAR", "UTCATOMSWS", "UTMALDG"):
        if name not in sass:
            wrong.append(f"no {name}")
    columns = case.tile.split("x")[1]
    for text in (f"shared::cta.b32 \\[%r\\d+\\], {columns};", f"dealloc.*, {columns};"):
        if not re.search(text, ptx):
            wrong.append(f"no '{text}' in the PTX")
    if re.search(r"\b(LDL|STL)\b", sass):
        wrong.append("local memory")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("adze")
    parser.add_argument("--keep", help="folder for PTX and SASS")
    options = parser.parse_args()
    adze_opt = pathlib.Path(options.adze).resolve().parents[1] / "adze-opt/adze-opt"
    jobs = [(None, OPERATIONS.read_text(), "print-ptx{chip=sm_100a}")]
    for case in CASES:
        schedule = f" schedule=gemm.tcgen05,tile={case.tile}" if case.tile else ""
        jobs.append((case, case.source(), f"select-gemm{{chip=sm_100a{schedule}}},"
                     "lower-gemm{chip=sm_100a},canonicalize,cse,print-ptx{chip=sm_100a}"))
    failures = 0
    for number, (case, source, passes) in enumerate(jobs):
        ptx = print_ptx(adze_opt, source, passes)
        with tempfile.TemporaryDirectory() as folder:
            kernels, wrong, sass = machine_code(ptx, pathlib.Path(folder))
        if options.keep:
            kept = pathlib.Path(options.keep)
            kept.mkdir(parents=True, exist_ok=True)
            (kept / f"{number}.ptx").write_text(ptx)
            (kept / f"{number}.sass").write_text(sass)
        if not kernels:
            wrong.append("no kernel")
        if case and not wrong:
            wrong += check(case, ptx, sass)
        failures += bool(wrong)
        registers = max((use.registers for use in kernels.values()), default=0)
        print(f"{'FAIL' if wrong else 'ok':4} {case or 'each operation'}: "
              f"{registers} registers {'; '.join(wrong)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
