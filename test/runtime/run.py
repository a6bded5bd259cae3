#!/usr/bin/env python3
"""Tests the functions of runtime/core/.

    run.py [--bits N] [--write]

Each header compiles without a warning in gcc, clang and arm-none-eabi-gcc; the
headers hold the coefficients that fit.py finds; the f32 functions keep their
accuracy with and without fused multiply-add, as docs/reference/math.md says,
and give the same bits on the host and on an emulated Cortex-M4; the narrow formats agree with ml_dtypes and
with the rules of ONNX's Cast. --bits is log2 of the samples per function (18;
24 takes minutes), --write writes docs/reference/math.md from what was measured.
"""
import argparse
import ctypes
import pathlib
import re
import subprocess
import sys
import tempfile

import ml_dtypes
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CORE = ROOT / "runtime" / "core"
TABLE = ROOT / "docs" / "reference" / "math.md"

STRICT = ("-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion "
          "-Wshadow -Werror").split()
CORTEX_M4 = ("-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 "
             "-mfloat-abi=hard").split()
WITHOUT_FMA = ["-ffp-contract=off"]
WITH_FMA = ["-mfma", "-ffp-contract=fast"]

# Units in the last place; what is not listed must stay within 2.
LIMITS = {"erfcf": 4.0}


def call(*command):
    done = subprocess.run([str(c) for c in command], cwd=ROOT, text=True,
                          capture_output=True)
    if done.returncode:
        raise AssertionError(" ".join(map(str, command)) + "\n" + done.stdout
                             + done.stderr)
    return done.stdout


def test_no_warnings():
    """Strict C99 in three compilers, each header by itself."""
    for compiler in ("gcc", "clang-22", "arm-none-eabi-gcc"):
        for header in sorted(CORE.glob("*.h")):
            if header.name != "RuntimeHeaders.h": # C++
                call(compiler, *STRICT, "-fsyntax-only", "-include", header,
                     "-x", "c", "/dev/null")


def test_coefficients():
    """The polynomials are those that fit.py finds."""
    call(sys.executable, CORE / "fit.py", "--check")


def measure(folder, name, options, bits):
    program = folder / f"accuracy-{name}"
    call("clang-22", "-std=c99", "-O2", "-fno-math-errno", *options, "-I.",
         HERE / "accuracy.c", "-o", program, "-lm")
    return {line.split()[0]: line.split()[1:]
            for line in call(program, bits).splitlines()}


def test_accuracy(folder, bits):
    """Errors with and without fused multiply-add within the limits."""
    plain = measure(folder, "plain", WITHOUT_FMA, bits)
    fused = plain
    if re.search(r"\bfma\b", pathlib.Path("/proc/cpuinfo").read_text()):
        fused = measure(folder, "fused", WITH_FMA, bits)
    rows = []
    for name in plain:
        errors = [float(plain[name][0]), float(fused[name][0])]
        limit = LIMITS.get(name, 2.0)
        assert max(errors) <= limit, f"{name}: {errors} ulp, limit {limit}"
        rows.append((name, *errors, " ".join(plain[name][1:])))
    return rows


def test_documentation(rows):
    """docs/reference/math.md does not promise more than was measured."""
    for name, plain, fused, _ in rows:
        row = re.search(rf"`adze_{name}` \| ([\d.]+) \| ([\d.]+) \|",
                        TABLE.read_text())
        assert row, f"{TABLE.name} lacks {name}: run with --bits 24 --write"
        promised = [float(row[1]), float(row[2])]
        assert plain <= promised[0] + 0.05 and fused <= promised[1] + 0.05, (
            f"{name}: {plain} and {fused} ulp, {TABLE.name} says {promised}")


def test_same_bits(folder):
    """The host and an emulated Cortex-M4 agree to the bit."""
    host, image = folder / "checksum", folder / "checksum.elf"
    source = HERE / "checksum.c"
    call("gcc", "-std=c99", "-O2", "-I.", source, "-o", host, "-lm")
    call("arm-none-eabi-gcc", *CORTEX_M4, "-std=c99", "-O2", "-I.",
         "--specs=rdimon.specs", "-T", HERE / "cortex_m4.ld",
         HERE / "cortex_m4.c", source, "-o", image, "-lm")
    expected = call(host)
    got = call("timeout", 60, "qemu-system-arm", "-M", "mps2-an386",
               "-nographic", "-semihosting", "-kernel", image)
    assert got == expected, f"host:\n{expected}Cortex-M4:\n{got}"


FORMATS = {
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f8e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "f8e4m3fnuz": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "f8e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "f8e5m2fnuz": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "e8m0": np.dtype(ml_dtypes.float8_e8m0fnu),
    "f4e2m1": np.dtype(ml_dtypes.float4_e2m1fn),
}


def codes_of(name):
    """Every code of a format, and the integer type that holds it."""
    size = FORMATS[name].itemsize
    count = 16 if name == "f4e2m1" else 256**size
    return np.arange(count).astype(np.uint16 if size == 2 else np.uint8)


def convert(library, name, values, result):
    out = np.empty(len(values), result)
    getattr(library, name)(values.ctypes.data_as(ctypes.c_void_p),
                           out.ctypes.data_as(ctypes.c_void_p),
                           ctypes.c_size_t(len(values)))
    return out


def samples(name):
    """Floats to narrow: the neighbourhoods of all values of the format and of
    the points half-way between them, and all upper halves of a float with
    lower halves around the ties."""
    codes = codes_of(name)
    with np.errstate(all="ignore"):
        values = np.sort(codes.view(FORMATS[name]).astype(np.float64))
        values = values[np.isfinite(values)]
        points = np.concatenate([values, (values[1:] + values[:-1]) / 2])
        bits = points.astype(np.float32).view(np.uint32)
    near = np.concatenate([bits + np.uint32(2**32 + i & 0xFFFFFFFF)
                           for i in (-2, -1, 0, 1, 2)])
    upper = np.arange(65536, dtype=np.uint32) << np.uint32(16)
    generator = np.random.default_rng(1)
    lower = [0, 1, 0x0FFF, 0x1000, 0x1001, 0x1FFF, 0x2000, 0x3000, 0x7FFF,
             0x8000, 0x8001, 0xFFFF]
    grid = [upper | np.uint32(i) for i in lower]
    grid += [upper | generator.integers(0, 65536, 65536, dtype=np.uint32)
             for _ in range(4)]
    return np.concatenate([near, *grid]).view(np.float32)


def same(name, got, expected, values):
    """Codes equal, or both NaN."""
    dtype = FORMATS[name]
    with np.errstate(all="ignore"):
        nan = np.isnan(got.view(dtype).astype(np.float32)) \
            & np.isnan(expected.view(dtype).astype(np.float32))
    wrong = np.flatnonzero((got != expected) & ~nan)
    assert not len(wrong), (
        f"{name}: {len(wrong)} wrong, first {float(values[wrong[0]]).hex()} -> "
        f"{got[wrong[0]]:#x}, expected {expected[wrong[0]]:#x}")


def e8m0_expected(values, mode, saturate):
    """The table of ONNX's Cast, in double precision; negative values NaN."""
    with np.errstate(all="ignore"):
        x = values.astype(np.float64)
        exponent = np.log2(x)
        low = np.floor(exponent)
        if mode == "up":
            code = np.ceil(exponent)
        elif mode == "down":
            code = low
        else:
            code = low + (x >= 1.5 * np.exp2(low))
        code = code + 127
        small, large = x < 2.0**-127, code > 254
        code = np.where(large, 254, np.where(small, 0, code))
        bad = np.isnan(x) | (x < 0)
        if not saturate:
            bad |= small | large
    return np.where(bad, 255, code).astype(np.uint8)


def test_conversions(folder):
    """Narrow formats against ml_dtypes and the rules of ONNX's Cast."""
    path = folder / "conversions.so"
    call("gcc", *STRICT, "-O2", "-fPIC", "-shared", "-I.",
         HERE / "conversions.c", "-o", path)
    library = ctypes.CDLL(str(path))
    for name, dtype in FORMATS.items():
        codes = codes_of(name)
        got = convert(library, f"{name}_to_f32", codes, np.float32)
        expected = codes.view(dtype).astype(np.float32)
        bits = got.view(np.uint32) == expected.view(np.uint32)
        wrong = np.flatnonzero(~bits & ~(np.isnan(got) & np.isnan(expected)))
        assert not len(wrong), f"{name}_to_f32: {codes[wrong]}"
        values = samples(name)
        if name == "e8m0":
            for mode in ("up", "down", "nearest"):
                for saturate in (False, True):
                    function = f"f32_to_e8m0_{mode}" + "_saturate" * saturate
                    same(name, convert(library, function, values, np.uint8),
                         e8m0_expected(values, mode, saturate), values)
            continue
        with np.errstate(all="ignore"):
            expected = values.astype(dtype)
        same(name, convert(library, f"f32_to_{name}", values, codes.dtype),
             expected.view(codes.dtype), values)
        if name.startswith("f8"):
            limit = ml_dtypes.finfo(dtype)
            clipped = np.clip(values, np.float32(limit.min),
                              np.float32(limit.max))
            got = convert(library, f"f32_to_{name}_saturate", values, np.uint8)
            with np.errstate(all="ignore"):
                expected = clipped.astype(dtype)
            same(name, got, expected.view(np.uint8), values)


def write_table(rows, bits):
    lines = [
        "# Accuracy of the mathematical functions", "",
        "<!-- Written by test/runtime/run.py --bits "
        f"{bits} --write; do not edit. -->", "",
        "Where generated code computes in single precision, it carries the "
        "functions of `runtime/core/` and takes only the square root from the "
        "processor or libm. The largest error found over "
        f"2^{bits} arguments, spread evenly over all exponents and both signs, "
        "and over special values, in units of the last place (0.50 is correct "
        "rounding), against the C library's 80-bit `long double`:", "",
        "| function | without FMA | with FMA | at the argument (without FMA) |",
        "|---|---|---|---|"]
    lines += [f"| `adze_{name}` | {plain:.2f} | {fused:.2f} | {argument} |"
              for name, plain, fused, argument in rows]
    lines += [
        "", "Subnormal numbers, infinities, NaN and signed zeros follow C99 "
        "annex F. Without contraction of `a * b + c` the results are the same "
        "to the bit on every machine; generated C must not be compiled with "
        "`-ffast-math`. The functions of double precision (`adze_exp`, ...) "
        "forward to the C library.", "",
        "## Narrow formats", "",
        "| format | from f32 | rounding |", "|---|---|---|",
        "| f16, bf16 | `adze_f32_to_f16`, `adze_f32_to_bf16` | nearest, ties "
        "to even; too large becomes infinity |",
        "| f8e4m3fn, f8e4m3fnuz, f8e5m2, f8e5m2fnuz | `adze_f32_to_f8e4m3fn`, "
        "`adze_f32_to_f8e4m3fn_saturate`, ... | nearest, ties to even; ONNX "
        "Cast with saturate = 0 and 1 |",
        "| f4e2m1 | `adze_f32_to_f4e2m1` | nearest, ties to even; too large "
        "becomes 6, NaN a zero |",
        "| e8m0 | `adze_f32_to_e8m0_up`, `_down`, `_nearest`, each also with "
        "`_saturate` | ONNX Cast's round_mode and saturate; negative numbers "
        "become NaN |", "",
        "To f32 they convert exactly (`adze_f16_to_f32`, ...). All codes are "
        "tested against ml_dtypes, and the conversions from f32 around every "
        "value and every tie.", ""]
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bits", type=int, default=18,
                        help="log2 of the samples per function")
    parser.add_argument("--write", action="store_true",
                        help="write docs/reference/math.md")
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        rows = []
        for description, test in [
                ("no warnings", test_no_warnings),
                ("coefficients", test_coefficients),
                ("accuracy", lambda: rows.extend(
                    test_accuracy(folder, arguments.bits))),
                ("documentation", lambda: arguments.write
                 or test_documentation(rows)),
                ("same bits on a Cortex-M4", lambda: test_same_bits(folder)),
                ("conversions", lambda: test_conversions(folder))]:
            try:
                test()
                print(f"ok: {description}", flush=True)
            except AssertionError as error:
                print(f"FAILED: {description}\n{error}", flush=True)
                failed = 1
    if arguments.write and not failed:
        write_table(rows, arguments.bits)
    return failed


if __name__ == "__main__":
    sys.exit(main())
