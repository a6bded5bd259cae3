#!/usr/bin/env python3
# Part of adze, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random modules of the loops level: nested loops with carried values,
conditionals with results, loads and stores in any order, arithmetic of every
type. C and the interpreter must agree to the last bit.

usage: random_modules.py SEED FUNCTIONS
"""
import pathlib
import random
import subprocess
import sys
import tempfile

BUFFERS = [("x", "f32"), ("p", "f32"), ("n", "i32"), ("b", "i8"), ("q", "i64"), ("t", "i1")]
INTEGERS = {"i8": 8, "i32": 32, "i64": 64}


class Writer:
    def __init__(self, generator):
        self.random = generator
        self.lines = []
        self.next = 0
        self.indent = 2

    def emit(self, text):
        self.lines.append("  " * self.indent + text)

    def name(self):
        self.next += 1
        return "%%v%d" % self.next

    def define(self, text):
        name = self.name()
        self.emit("%s = %s" % (name, text))
        return name

    def pick(self, scope, kind):
        if self.random.random() < 0.15 or not scope[kind]:
            return self.constant(kind)
        # Prefer what is new: that makes deep expressions.
        values = scope[kind]
        at = max(self.random.randrange(len(values)), self.random.randrange(len(values)))
        return values[at]

    def constant(self, kind):
        r = self.random
        if kind == "f32":
            return self.define("arith.constant %s : f32" % r.choice(
                ["0.0", "1.0", "-2.5", "0.125", "3.0e38", "1.0e-20", "7.0"]))
        if kind == "i1":
            return self.define("arith.constant %s" % r.choice(["true", "false"]))
        if kind == "index":
            return self.define("arith.constant %d : index" % r.randrange(8))
        bits = INTEGERS[kind]
        value = r.choice([0, 1, -1, 3, 100, -128, (1 << (bits - 1)) - 1, -(1 << (bits - 1))])
        return self.define("arith.constant %d : %s" % (value, kind))

    def index(self, scope):
        """An index in [0, 8)."""
        a = self.pick(scope, "index")
        if self.random.random() < 0.5:
            b = self.pick(scope, "index")
            op = self.random.choice(["addi", "muli"])
            a = self.define("arith.%s %s, %s : index" % (op, a, b))
            eight = self.define("arith.constant 8 : index")
            a = self.define("arith.remui %s, %s : index" % (a, eight))
        return a

    def scalar(self, scope):
        """One more value of a random kind."""
        r = self.random
        kind = r.choice(["f32", "f32", "i32", "i8", "i64", "i1", "index"])
        a, b = self.pick(scope, kind), self.pick(scope, kind)
        if kind == "f32":
            choice = r.randrange(8)
            if choice < 4:
                op = r.choice(["addf", "subf", "mulf", "divf", "maximumf", "minnumf",
                               "minimumf", "maxnumf"])
                value = "arith.%s %s, %s : f32" % (op, a, b)
            elif choice == 4:
                value = "math.%s %s : f32" % (r.choice(["absf", "floor", "trunc", "roundeven"]), a)
            elif choice == 5:
                value = "arith.select %s, %s, %s : f32" % (self.pick(scope, "i1"), a, b)
            elif choice == 6:
                source = r.choice(["i32", "i8", "i1"])
                value = "arith.%s %s : %s to f32" % (
                    r.choice(["sitofp", "uitofp"]), self.pick(scope, source), source)
            else:
                value = "arith.negf %s : f32" % a
        elif kind == "i1":
            choice = r.randrange(3)
            if choice == 0:
                value = "arith.cmpf %s, %s, %s : f32" % (
                    r.choice("oeq ogt oge olt ole one ord ueq ugt uge ult ule une uno".split()),
                    self.pick(scope, "f32"), self.pick(scope, "f32"))
            elif choice == 1:
                source = r.choice(["i32", "i8", "i64", "index", "i1"])
                value = "arith.cmpi %s, %s, %s : %s" % (
                    r.choice("eq ne slt sle sgt sge ult ule ugt uge".split()),
                    self.pick(scope, source), self.pick(scope, source), source)
            else:
                value = "arith.%s %s, %s : i1" % (r.choice(["andi", "ori", "xori"]), a, b)
        elif kind == "index":
            scope[kind].append(self.index(scope))
            return
        else:
            bits = INTEGERS[kind]
            choice = r.randrange(6)
            if choice < 2:
                op = r.choice("addi subi muli andi ori xori maxsi minui minsi maxui".split())
                value = "arith.%s %s, %s : %s" % (op, a, b, kind)
            elif choice == 2:
                mask = self.define("arith.constant %d : %s" % (bits - 1, kind))
                amount = self.define("arith.andi %s, %s : %s" % (b, mask, kind))
                op = r.choice(["shli", "shrsi", "shrui"])
                value = "arith.%s %s, %s : %s" % (op, a, amount, kind)
            elif choice == 3:
                divisor = self.define("arith.constant %d : %s" % (r.choice([1, 2, 3, 7, 100]), kind))
                op = r.choice(["divsi", "divui", "remsi", "remui", "floordivsi", "ceildivsi"])
                value = "arith.%s %s, %s : %s" % (op, a, divisor, kind)
            elif choice == 4:
                source = r.choice([k for k in ["i1", "i8", "i32", "i64"] if k != kind])
                from_bits = INTEGERS.get(source, 1)
                op = "trunci" if from_bits > bits else r.choice(["extsi", "extui"])
                value = "arith.%s %s : %s to %s" % (op, self.pick(scope, source), source, kind)
            else:
                value = "arith.select %s, %s, %s : %s" % (self.pick(scope, "i1"), a, b, kind)
        scope[kind].append(self.define(value))

    def memory(self, scope):
        name, kind = self.random.choice(BUFFERS)
        at = self.index(scope)
        if self.random.random() < 0.55:
            scope[kind].append(
                self.define("memref.load %%%s[%s] : memref<8x%s>" % (name, at, kind)))
        else:
            self.emit("memref.store %s, %%%s[%s] : memref<8x%s>" %
                      (self.pick(scope, kind), name, at, kind))

    def copy(self, scope):
        return {kind: list(values) for kind, values in scope.items()}

    def kinds(self):
        return [self.random.choice(["f32", "i32", "i8", "i64", "i1"])
                for _ in range(self.random.randrange(4))]

    def loop(self, scope, depth):
        kinds = self.kinds()
        inits = [self.pick(scope, kind) for kind in kinds]
        low = self.define("arith.constant %d : index" % self.random.randrange(3))
        high = self.define("arith.constant %d : index" % self.random.randrange(3, 8))
        step = self.define("arith.constant %d : index" % self.random.randrange(1, 3))
        iv = self.name()
        inner = self.copy(scope)
        inner["index"].append(iv)
        if kinds:
            results = self.name()
            arguments = [self.name() for _ in kinds]
            for kind, argument in zip(kinds, arguments):
                inner[kind].append(argument)
            self.emit("%s:%d = scf.for %s = %s to %s step %s iter_args(%s) -> (%s) {" % (
                results, len(kinds), iv, low, high, step,
                ", ".join("%s = %s" % pair for pair in zip(arguments, inits)), ", ".join(kinds)))
        else:
            self.emit("scf.for %s = %s to %s step %s {" % (iv, low, high, step))
        self.block(inner, depth - 1, kinds)
        for i, kind in enumerate(kinds):
            scope[kind].append("%s#%d" % (results, i))

    def branch(self, scope, depth):
        kinds = self.kinds()
        condition = self.pick(scope, "i1")
        results = self.name()
        if kinds:
            self.emit("%s:%d = scf.if %s -> (%s) {" %
                      (results, len(kinds), condition, ", ".join(kinds)))
        else:
            self.emit("scf.if %s {" % condition)
        self.block(self.copy(scope), depth - 1, kinds, closes=False)
        self.emit("} else {")
        self.block(self.copy(scope), depth - 1, kinds)
        for i, kind in enumerate(kinds):
            scope[kind].append("%s#%d" % (results, i))

    def block(self, scope, depth, kinds, closes=True):
        self.indent += 1
        for _ in range(self.random.randrange(1, 9)):
            choice = self.random.random()
            if choice < 0.15 and depth > 0:
                self.loop(scope, depth)
            elif choice < 0.3 and depth > 0:
                self.branch(scope, depth)
            elif choice < 0.6:
                self.memory(scope)
            else:
                self.scalar(scope)
        if kinds:
            values = [self.pick(scope, kind) for kind in kinds]
            self.emit("scf.yield %s : %s" % (", ".join(values), ", ".join(kinds)))
        self.indent -= 1
        if closes:
            self.emit("}")


def function(number, generator):
    writer = Writer(generator)
    scope = {kind: [] for kind in ["f32", "i32", "i8", "i64", "i1", "index"]}
    writer.block(scope, 3, [], closes=False)
    for _ in range(6):
        writer.memory(scope)
    arguments = ", ".join("%%%s: memref<8x%s>" % buffer for buffer in BUFFERS)
    return "  func.func @f%d(%s) {\n%s\n    return\n  }\n" % (
        number, arguments, "\n".join(writer.lines))


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    generator = random.Random(seed)
    text = 'module attributes {adze.model = "random"} {\n'
    text += "".join(function(i, generator) for i in range(count)) + "}\n"
    with tempfile.TemporaryDirectory() as folder:
        module = pathlib.Path(folder) / "random.mlir"
        module.write_text(text)
        check = pathlib.Path(__file__).with_name("compile_and_run.py")
        done = subprocess.run([sys.executable, check, "--exact", "--rounds=2", "--range=-9,9",
                               "--flags=-ffp-contract=off", module],
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit("seed %d:\n%s%s" % (seed, done.stdout, done.stderr))
    print("equal")


if __name__ == "__main__":
    main()
