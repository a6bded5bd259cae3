#!/usr/bin/env python3
"""Random programs of the loops level, run four ways that have to agree.

The interpreter runs the program as it is, after the legalisations, and after
simplify-loops as well; the host backend compiles the legalised form. Undefined
behaviour is avoided by construction: divisors are odd, shifts are masked,
numbers are brought into range before they become integers.
"""

import argparse
import math
import os
import random
import subprocess
import sys
import tempfile

INTEGERS = ["i1", "i3", "i4", "i8", "i13", "i16", "i32", "i64"]
FLOATS = ["f16", "bf16", "f32", "f64"]
# Types that memory and the border know, with their names there.
BORDER = {"i1": "bool", "i4": "int4", "i8": "int8", "i16": "int16",
          "i32": "int32", "i64": "int64", "f16": "float16",
          "bf16": "bfloat16", "f32": "float32", "f64": "float64"}
RANK = {"f16": 0, "bf16": 0, "f32": 1, "f64": 2}
SIZE = 8


class Program:
    def __init__(self, seed, vectors):
        self.random = random.Random(seed)
        self.vectors = vectors
        self.lines = []
        self.values = {}
        self.next = 0

    def emit(self, text, kind):
        name = f"%v{self.next}"
        self.next += 1
        self.lines.append(f"      {name} = {text}")
        self.values.setdefault(kind, []).append(name)
        return name

    def type(self, kind):
        return f"vector<{SIZE}x{kind}>" if self.vectors else kind

    def constant(self, value, kind):
        if self.vectors:
            value = f"dense<{value}>"
        return self.emit(f"arith.constant {value} : {self.type(kind)}", kind)

    def any(self, kind):
        return self.random.choice(self.values[kind])

    def width(self, kind):
        return int(kind[1:])

    def odd(self, kind):
        """A divisor: positive and odd."""
        if kind == "i1":
            return None
        one = self.constant(1, kind)
        mask = self.constant((1 << (self.width(kind) - 1)) - 1, kind)
        low = self.emit(f"arith.andi {self.any(kind)}, {mask} : {self.type(kind)}", kind)
        return self.emit(f"arith.ori {low}, {one} : {self.type(kind)}", kind)

    def select(self, condition, a, b, kind):
        types = self.type(kind)
        if self.vectors:
            types = f"{self.type('i1')}, {types}"
        return self.emit(f"arith.select {condition}, {a}, {b} : {types}", kind)

    def integer(self):
        kind = self.random.choice(INTEGERS)
        a, b = self.any(kind), self.any(kind)
        op = self.random.choice(
            ["addi", "subi", "muli", "andi", "ori", "xori", "maxsi", "maxui",
             "minsi", "minui", "cmpi", "select", "div", "shift", "cast",
             "abs"])
        if op == "cmpi":
            predicate = self.random.choice(
                ["eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt",
                 "uge"])
            self.emit(f"arith.cmpi {predicate}, {a}, {b} : {self.type(kind)}", "i1")
        elif op == "select":
            self.select(self.any("i1"), a, b, kind)
        elif op == "div":
            divisor = self.odd(kind)
            if divisor:
                op = self.random.choice(
                    ["divsi", "divui", "remsi", "remui", "ceildivsi",
                     "ceildivui", "floordivsi"])
                self.emit(f"arith.{op} {a}, {divisor} : {self.type(kind)}", kind)
        elif op == "shift":
            # The largest power of two in the width, less one.
            if kind == "i1":
                return
            mask = (1 << (self.width(kind).bit_length() - 1)) - 1
            by = self.emit(f"arith.andi {b}, {self.constant(mask, kind)} : {self.type(kind)}", kind)
            op = self.random.choice(["shli", "shrui", "shrsi"])
            self.emit(f"arith.{op} {a}, {by} : {self.type(kind)}", kind)
        elif op == "cast":
            to = self.random.choice(INTEGERS)
            if self.width(to) > self.width(kind):
                op = self.random.choice(["extsi", "extui"])
            elif self.width(to) < self.width(kind):
                op = "trunci"
            else:
                return
            self.emit(f"arith.{op} {a} : {self.type(kind)} to {self.type(to)}", to)
        elif op == "abs":
            if self.width(kind) >= 8 and kind != "i13":
                self.emit(f"math.absi {a} : {self.type(kind)}", kind)
        else:
            self.emit(f"arith.{op} {a}, {b} : {self.type(kind)}", kind)

    def real(self):
        kind = self.random.choice(FLOATS)
        a, b = self.any(kind), self.any(kind)
        op = self.random.choice(
            ["addf", "subf", "mulf", "divf", "maximumf", "minimumf", "maxnumf",
             "minnumf", "negf", "cmpf", "select", "cast", "fromint", "toint",
             "bits", "unary", "function", "fma"])
        if op == "negf":
            self.emit(f"arith.negf {a} : {self.type(kind)}", kind)
        elif op == "cmpf":
            predicate = self.random.choice(
                ["oeq", "ogt", "oge", "olt", "ole", "one", "ord", "ueq", "ugt",
                 "uge", "ult", "ule", "une", "uno"])
            self.emit(f"arith.cmpf {predicate}, {a}, {b} : {self.type(kind)}", "i1")
        elif op == "select":
            self.select(self.any("i1"), a, b, kind)
        elif op == "cast":
            to = self.random.choice(FLOATS)
            if RANK[to] > RANK[kind]:
                self.emit(f"arith.extf {a} : {self.type(kind)} to {self.type(to)}", to)
            elif RANK[to] < RANK[kind]:
                self.emit(f"arith.truncf {a} : {self.type(kind)} to {self.type(to)}", to)
        elif op == "fromint":
            source = self.random.choice(INTEGERS)
            op = self.random.choice(["sitofp", "uitofp"])
            self.emit(f"arith.{op} {self.any(source)} : {self.type(source)} to {self.type(kind)}", kind)
        elif op == "toint":
            to = self.random.choice(["i8", "i16", "i32", "i64"])
            op = self.random.choice(["fptosi", "fptoui"])
            low = self.constant("0.0" if op == "fptoui" else "-100.0", kind)
            high = self.constant("100.0", kind)
            c = self.emit(f"arith.maxnumf {a}, {low} : {self.type(kind)}", kind)
            d = self.emit(f"arith.minnumf {c}, {high} : {self.type(kind)}", kind)
            self.emit(f"arith.{op} {d} : {self.type(kind)} to {self.type(to)}", to)
        elif op == "bits":
            integer = {"f16": "i16", "bf16": "i16", "f32": "i32", "f64": "i64"}[kind]
            # Bits of a NaN are not defined.
            p = self.emit(f"arith.cmpf ord, {a}, {a} : {self.type(kind)}", "i1")
            z = self.constant("1.0", kind)
            c = self.select(p, a, z, kind)
            self.emit(f"arith.bitcast {c} : {self.type(kind)} to {self.type(integer)}", integer)
        elif op == "unary":
            op = self.random.choice(
                ["absf", "floor", "ceil", "trunc", "roundeven", "sqrt", "round"])
            self.emit(f"math.{op} {a} : {self.type(kind)}", kind)
        elif op == "function":
            op = self.random.choice(["exp", "tanh", "log1p", "sin", "erf", "rsqrt"])
            self.emit(f"math.{op} {a} : {self.type(kind)}", kind)
        elif op == "fma":
            if args.host:
                return  # --no-fuse splits it
            self.emit(f"math.fma {a}, {b}, {self.any(kind)} : {self.type(kind)}", kind)
        else:
            self.emit(f"arith.{op} {a}, {b} : {self.type(kind)}", kind)

    def text(self, length):
        for kind in BORDER:
            self.values[kind] = []
            name = f"%in_{kind}"
            load = f"memref.load {name}[%i] : memref<{SIZE}x{kind}>"
            if self.vectors:
                load = f"vector.load {name}[%i] : memref<{SIZE}x{kind}>, {self.type(kind)}"
            self.emit(load, kind)
        for kind in ["i3", "i13"]:
            self.emit(f"arith.trunci {self.any('i64')} : "
                      f"{self.type('i64')} to {self.type(kind)}", kind)
        for _ in range(length):
            self.random.choice([self.integer, self.real])()
        for kind in BORDER:
            store = "vector.store" if self.vectors else "memref.store"
            suffix = f", {self.type(kind)}" if self.vectors else ""
            self.lines.append(f"      {store} {self.values[kind][-1]}, "
                              f"%out_{kind}[%i] : memref<{SIZE}x{kind}>{suffix}")
        arguments, kernel, names, types = [], [], [], []
        for way, what in [("in", "input"), ("out", "output")]:
            for kind, name in BORDER.items():
                arguments.append(
                    f'%{way}_{kind}: memref<{SIZE}x{kind}> {{adze.name = "{way}_{kind}", '
                    f'adze.kind = "{what}", adze.type = "{name}"}}')
                kernel.append(f"%{way}_{kind}: memref<{SIZE}x{kind}>")
                names.append(f"%{way}_{kind}")
                types.append(f"memref<{SIZE}x{kind}>")
        arguments.append('%arena: memref<16xi8> {adze.kind = "arena"}')
        writes = ["false"] * len(BORDER) + ["true"] * len(BORDER)
        return "\n".join(
            ['module attributes {adze.model = "random"} {',
             f"  func.func private @k({', '.join(kernel)})",
             f'      attributes {{adze.doc = "random", adze.writes = array<i1: {", ".join(writes)}>}} {{',
             "    %c0 = arith.constant 0 : index",
             f"    %c1 = arith.constant {SIZE if self.vectors else 1} : index",
             f"    %n = arith.constant {SIZE} : index",
             "    scf.for %i = %c0 to %n step %c1 {"]
            + self.lines +
            ["    }", "    return", "  }",
             f"  func.func @run({', '.join(arguments)}) attributes {{adze.entry}} {{",
             f"    func.call @k({', '.join(names)}) : ({', '.join(types)}) -> ()",
             "    return", "  }", "}"]) + "\n"


def values(seed):
    """Values of the inputs: small numbers, exact in every type."""
    generator = random.Random(seed)
    chosen = {}
    for kind in BORDER:
        if kind == "i1":
            chosen[kind] = [generator.randint(0, 1) for _ in range(SIZE)]
        elif kind == "i4":
            chosen[kind] = [generator.randint(-8, 7) for _ in range(SIZE)]
        elif kind[0] == "i":
            chosen[kind] = [generator.randint(-128, 127) for _ in range(SIZE)]
        else:
            chosen[kind] = [generator.randint(-60, 60) / 8 for _ in range(SIZE)]
    return chosen


def parse(text):
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(" = " if " = " in line else ": ")
        numbers = rest.split(": ")[-1].split() if rest else []
        found[name] = [float(number) for number in numbers]
    return found


def same(a, b):
    """NaN is NaN; floats print with at least nine digits."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= 1e-8 * max(abs(a), abs(b))


def run(command, **options):
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result.stdout


def check(seed, length, folder):
    chosen = values(seed)
    original = os.path.join(folder, f"{seed}.mlir")
    legal = os.path.join(folder, f"{seed}.legal.mlir")
    simple = os.path.join(folder, f"{seed}.simple.mlir")
    with open(original, "w") as file:
        file.write(Program(seed, args.vectors).text(length))
    run(["adze-opt", original, "--legalize-small-floats", "--legalize-integers", "-o", legal])
    run(["adze-opt", legal, "--simplify-loops", "-o", simple])
    arguments = [f"--arg={','.join(map(str, chosen[kind]))}" for kind in BORDER]
    named = []
    for kind in BORDER:
        named += ["--value", f"in_{kind}={','.join(map(str, chosen[kind]))}"]
    ways = {"interpreted": run(["adze-interp", original] + arguments),
            "legalised": run(["adze-interp", legal] + arguments),
            "simplified": run(["adze-interp", simple] + arguments)}
    if args.host:
        ways["compiled"] = run(["adze-jit", legal, "--no-fuse"] + named)
    parsed = {way: parse(text) for way, text in ways.items()}
    expected = parsed["interpreted"]
    for way, found in parsed.items():
        for name, numbers in expected.items():
            other = found.get(name, [])
            if len(other) != len(numbers) or not all(map(same, numbers, other)):
                print(f"seed {seed}: {name} differs\n  interpreted: {numbers}\n  {way}: {other}")
                return False
    return True


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--seed", type=int, default=1, help="of the first program")
parser.add_argument("--count", type=int, default=10, help="of programs")
parser.add_argument("--length", type=int, default=60, help="operations of a program")
parser.add_argument("--host", action="store_true", help="compile too, with adze-jit")
parser.add_argument("--vectors", action="store_true", help="compute with vectors")
parser.add_argument("--keep", help="folder for the programs")
args = parser.parse_args()
with tempfile.TemporaryDirectory() as temporary:
    folder = args.keep or temporary
    os.makedirs(folder, exist_ok=True)
    failures = [seed for seed in range(args.seed, args.seed + args.count)
                if not check(seed, args.length, folder)]
print(f"{args.count - len(failures)} of {args.count} programs agree")
sys.exit(1 if failures else 0)
