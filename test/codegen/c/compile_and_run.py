#!/usr/bin/env python3
# Part of adze, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints a loops module as C, compiles it by gcc and clang under strict
warnings and sanitizers, runs every public function on random numbers, and
compares all buffers with what the interpreter computes for the same module.

usage: compile_and_run.py MODULE [--range=LOW,HIGH] [--rounds N] [--exact]
"""
import argparse
import ctypes
import math
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

WARNINGS = ("-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion "
            "-Wshadow -Werror").split()
SANITIZE = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all".split()
HOSTED = [("gcc", SANITIZE), ("clang", SANITIZE), ("gcc", ["-O3"]),
          ("clang", ["-O3", "-mavx2", "-mfma"] if "x86" in __import__("platform").machine()
           else ["-O3"])]
FREESTANDING = [("arm-none-eabi-gcc", ["-mcpu=cortex-m4", "-mthumb", "-O2"])]

NUMBERS = {"float": 4, "double": 8, "int8_t": 1, "int16_t": 2, "int32_t": 4,
           "int64_t": 8, "uint8_t": 1}


def run(command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit("%s\nfailed:\n%s%s" % (" ".join(map(str, command)), done.stdout, done.stderr))
    return done.stdout


def prototypes(header):
    """(result, name, [(type, parameter, is buffer)]) of every function."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    for match in re.finditer(r"^(\w+) (\w+)\(([^)]*)\);", text, flags=re.M):
        parameters = []
        for one in match[3].split(","):
            one = one.strip()
            if one in ("", "void"):
                continue
            words = one.replace("*", " * ").split()
            kind = [w for w in words[:-1] if w not in ("const", "*", "restrict")][0]
            parameters.append((kind, words[-1], "*" in words))
        yield match[1], match[2], parameters


def sizes(module, function, result):
    """Elements of each argument, as the interpreter reports them."""
    return [len(v) for v in interpret(module, function, [], result)]


def interpret(module, function, arguments, result):
    command = ["adze-interp", module, "--function=" + function]
    command += ["--arg=" + ",".join(values) for values in arguments]
    values = []
    for line in run(command).splitlines():
        values.append(line.split(":", 1)[1].split())
    return values


def random_numbers(kind, count, low, high, generator):
    if kind in ("float", "double"):
        return ["%.6g" % generator.uniform(low, high) for _ in range(count)]
    if kind == "uint8_t":  # i1
        return [str(generator.randint(0, 1)) for _ in range(count)]
    bits = NUMBERS.get(kind, 4) * 8
    low = max(int(low), -(1 << (bits - 1)))
    high = min(int(high), (1 << (bits - 1)) - 1)
    return [str(generator.randint(low, high)) for _ in range(count)]


def c_number(text, kind):
    if kind == "float":
        return text + ("f" if "." in text or "e" in text else ".0f")
    if text == "-9223372036854775808":
        return "(-9223372036854775807 - 1)"
    return text


def harness(model, calls):
    lines = ['#include "%s.h"' % model, "#include <stdbool.h>", "#include <stdio.h>", "",
             "int main(void) {"]
    for result, name, parameters, arguments in calls:
        lines.append("  {")
        for (kind, parameter, is_buffer), values in zip(parameters, arguments):
            numbers = ", ".join(c_number(v, kind) for v in values)
            lines.append("    %s %s[] = {%s};" % (kind, parameter, numbers))
        call = "%s(%s)" % (name, ", ".join(p if b else p + "[0]" for _, p, b in parameters))
        lines.append("    %s%s;" % ("" if result == "void" else "%s result = " % result, call))
        shown = [(k, p, len(v)) for (k, p, _), v in zip(parameters, arguments)]
        for kind, parameter, count in shown:
            form = '" %.9g", (double)' if kind == "float" else \
                '" %.17g", ' if kind == "double" else '" %lld", (long long)'
            lines.append("    for (int i = 0; i < %d; ++i) printf(%s%s[i]);" %
                         (count, form, parameter))
            lines.append('    printf("\\n");')
        if result != "void":
            form = '" %.9g\\n", (double)' if result in ("float", "double") else \
                '" %lld\\n", (long long)'
            lines.append("    printf(%sresult);" % form)
        lines.append("  }")
    lines += ["  return 0;", "}", ""]
    return "\n".join(lines)


def differs(actual, expected, exact):
    if exact and not any(c in expected + actual for c in ".einf"):
        return int(actual) != int(expected)
    a, e = (ctypes.c_float(float(text)).value for text in (actual, expected))
    if math.isnan(e) or math.isnan(a):
        return math.isnan(e) != math.isnan(a)
    if math.isinf(e) or math.isinf(a) or exact:
        return a != e
    return abs(a - e) > 1e-5 * max(abs(e), 1.0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("--range", default="-4,4")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--flags", default="", help="more flags for the compilers")
    parser.add_argument("--keep", help="keep the generated files in this folder")
    options = parser.parse_args()
    generator = random.Random(1)
    bounds = [float(number) for number in options.range.split(",")]

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(options.keep or folder)
        run(["adze-translate", options.module, "-o", folder])
        header, = [h for h in folder.glob("*.h") if not h.name.endswith("_weights.h")]
        model = header.stem
        calls, expected = [], []
        for result, name, parameters in prototypes(header.read_text()):
            counts = sizes(options.module, name, result)
            for _ in range(options.rounds):
                arguments = [random_numbers(kind, count, *bounds, generator)
                             for (kind, _, _), count in zip(parameters, counts)]
                calls.append((result, name, parameters, arguments))
                for row, values in enumerate(
                        interpret(options.module, name, arguments, result)):
                    expected.append((name, row, values))
        (folder / "harness.c").write_text(harness(model, calls))
        sources = [s for s in folder.glob("*.c") if s.name != "harness.c"]

        for compiler, flags in HOSTED + FREESTANDING:
            if not shutil.which(compiler):
                sys.exit("%s is not installed" % compiler)
            objects = []
            for source in sources:
                objects.append(folder / (source.stem + ".o"))
                run([compiler, *WARNINGS, *flags, *options.flags.split(), "-c", source, "-o", objects[-1]])
            if (compiler, flags) in FREESTANDING:
                continue
            program = folder / "program"
            run([compiler, "-std=c99", *flags, folder / "harness.c", *objects, "-o", program,
                 "-lm"])
            lines = run([program]).splitlines()
            if len(lines) != len(expected):
                sys.exit("%s: %d lines, expected %d" % (compiler, len(lines), len(expected)))
            for line, (name, row, values) in zip(lines, expected):
                for i, (actual, wanted) in enumerate(zip(line.split(), values)):
                    # The interpreter prints i1 as -1.
                    if wanted == "-1" and actual == "1":
                        continue
                    if differs(actual, wanted, options.exact):
                        sys.exit("%s %s: %s, argument %d, element %d is %s, not %s" %
                                 (compiler, " ".join(flags), name, row, i, actual, wanted))
    print("equal")


if __name__ == "__main__":
    main()
