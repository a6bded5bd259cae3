#!/usr/bin/env python3
# ===- sass.py - The machine code of the wgmma main loop ---------------------===#
#
# Part of adze, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# ===------------------------------------------------------------------------===#
"""Looks at the SASS of GEMM kernels for sm_90a, without a GPU.

The default schedule (128x256x64) has to have, for each step of K and computing
warp group, 4 HGMMA.64x256x16 that add in place, nothing between them that moves
an accumulator, at most 168 registers a thread, no spills and no advice C75xx of
ptxas. The other tiles are checked for the same with their own shapes.

    sass.py ADZE [--keep FOLDER]

ADZE is the program of a build; adze-opt is the one beside it.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import gpu_tools

PRODUCT = """kernel.func private @product(%a: tensor<{a}xbf16>, %b: tensor<{b}xbf16>) -> tensor<512x1024xbf16> {{
  %0 = nn.matmul %a, %b {flags}: (tensor<{a}xbf16>, tensor<{b}xbf16>) -> tensor<512x1024xbf16>
  kernel.return %0 : tensor<512x1024xbf16>
}}
"""
# Tile of a block, HGMMA shape, products of a step of K (64) and warp group.
TILES = [("128x256", "64x256x16", 4), ("64x256", "64x256x16", 4),
         ("256x128", "64x128x16", 8), ("128x128", "64x128x16", 4)]


def machine_code(adze_opt, tile, transposed, folder):
    """(What ptxas says of the kernel, problems, SASS)."""
    flags = "{trans_b} " if transposed else ""
    source = PRODUCT.format(a="512x768", b="1024x768" if transposed else "768x1024",
                            flags=flags)
    passes = (f"builtin.module(select-gemm{{chip=sm_90a schedule=gemm.wgmma,tile={tile}x64,"
              "split_k=1},lower-gemm{chip=sm_90a},canonicalize,cse,print-ptx{chip=sm_90a})")
    done = subprocess.run([str(adze_opt), f"--pass-pipeline={passes}"], input=source, text=True,
                          capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{tile}: {done.stderr}")
    ptx = folder / "kernel.ptx"
    ptx.write_text(done.stderr[done.stderr.find("//\n"):])
    cubin = folder / "kernel.cubin"
    kernels, problems, _ = gpu_tools.assemble(ptx, "sm_90a", cubin)
    sass = subprocess.run([gpu_tools.find("nvdisasm"), "-c", str(cubin)], text=True,
                          capture_output=True, check=True).stdout
    return next(iter(kernels.values())), problems, sass


def loops(sass):
    """The instructions of each innermost loop: from a label to the branch back
    to it, without a label in between that is branched back to."""
    lines, labels, found = [], {}, []
    for line in sass.splitlines():
        label = re.match(r"\s*(\.L_x_\d+):", line)
        if label:
            labels[label.group(1)] = len(lines)
        code = re.search(r"/\*[0-9a-f]+\*/\s+(.*?);", line)
        if not code:
            continue
        lines.append(code.group(1).strip())
        branch = re.search(r"\bBRA `\((\.L_x_\d+)\)", code.group(1))
        if branch and branch.group(1) in labels:
            found.append(lines[labels[branch.group(1)]:])
    return found


def check(use, problems, sass, shape, products):
    """Sentences of what is wrong."""
    wrong = list(problems)
    if use.registers > 168:
        wrong.append(f"{use.registers} registers, at most 168 wanted")
    main = [loop for loop in loops(sass) if any("HGMMA" in code for code in loop)]
    if not main:
        return wrong + ["no loop with HGMMA"]
    body = min(main, key=len)
    hgmma = [code for code in body if "HGMMA" in code]
    if len(hgmma) != products or not all(f"HGMMA.{shape}" in code for code in hgmma):
        wrong.append(f"{len(hgmma)} HGMMA in the main loop, {products} {shape} wanted: {hgmma}")
    sums = set()
    for code in hgmma:
        used = re.findall(r"\bR(\d+)\b", code)
        if len(used) < 2 or used[0] != used[-1]:
            wrong.append(f"does not add in place: {code}")
        elif used:
            length = int(shape.split("x")[1]) // 2
            sums |= set(range(int(used[0]), int(used[0]) + length))
    for code in body:
        written = re.match(r"(?:@!?U?P\d+ )?(?:I?MOV\S*|CS2R\S*|[FI]ADD\S*|LDL\S*) R(\d+)", code)
        if written and int(written.group(1)) in sums:
            wrong.append(f"moves an accumulator in the main loop: {code}")
    if any(re.match(r"(?:@!?P\d+ )?(?:LDL|STL)\b", code) for code in body):
        wrong.append("local memory in the main loop")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("adze")
    parser.add_argument("--keep", help="folder for the SASS")
    options = parser.parse_args()
    adze_opt = pathlib.Path(options.adze).resolve().parents[1] / "adze-opt/adze-opt"
    failures = 0
    for tile, shape, products in TILES:
        for transposed in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                use, problems, sass = machine_code(adze_opt, tile, transposed,
                                                   pathlib.Path(folder))
            if options.keep:
                kept = pathlib.Path(options.keep)
                kept.mkdir(parents=True, exist_ok=True)
                (kept / f"{tile}{'t' if transposed else 'n'}.sass").write_text(sass)
            wrong = check(use, problems, sass, shape, products)
            failures += bool(wrong)
            print(f"{'FAIL' if wrong else 'ok':4} {tile:8} {'nt' if transposed else 'nn'} "
                  f"{use.registers} registers {'; '.join(wrong)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
