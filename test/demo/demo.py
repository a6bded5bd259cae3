#!/usr/bin/env python3
"""The digits classifier on this machine and on a Cortex-M4 in QEMU, float and int8.

usage: demo.py --build BUILD [--json]

Compiles test/models/digits with `adze compile` for both, and the model that
`adze quantize` made of it for the Cortex-M4; builds the same C program
(classify.c) around the artifacts, runs it on all held-out digits, and compares
the answers with the labels, with each other and with the float64 reference of
training. Exit code 1 if a step fails, if the two machines disagree about a
digit, if the reference is missed, or if int8 costs more accuracy than it may.
"""
import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "test/models/digits"
START = ROOT / "test/runtime"  # start-up code and linker script of the board

CORTEX_M4 = "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard".split()
QEMU = ("qemu-system-arm -M mps2-an386 -nographic -monitor none -serial none "
        "-semihosting-config enable=on,target=native -kernel").split()
WARNINGS = "-std=c99 -Wall -Wextra -Wconversion -Werror".split()
TOLERANCE = 1e-5  # of a probability, against float64
INT8_LOSS = 0.005  # of accuracy, at most


class Style:
    """Colours, on a terminal only."""

    def __init__(self, enabled):
        self.enabled = enabled

    def __call__(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.enabled else text

    def bold(self, text):
        return self("1", text)

    def green(self, text):
        return self("32", text)

    def red(self, text):
        return self("31", text)

    def dim(self, text):
        return self("2", text)


def call(command, folder):
    command = [str(part) for part in command]
    done = subprocess.run(command, cwd=folder, text=True, capture_output=True)
    if done.returncode:
        sys.exit(f"demo: this failed, in {folder}:\n  {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def shown(path):
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


class Demo:
    def __init__(self, build):
        self.adze = build / "tools/adze/adze"
        self.folder = build / "demo"
        self.folder.mkdir(parents=True, exist_ok=True)
        held_out = np.load(MODEL / "heldout.npz")
        self.images, self.labels = held_out["images"], held_out["labels"]
        self.reference = held_out["probabilities"]
        pixels = self.images.reshape(len(self.labels), -1)
        np.concatenate([pixels, self.labels[:, None]], 1).astype(np.uint8).tofile(
            self.folder / "digits.bin")

    def compile(self, target, model="digits"):
        """One name for all models: classify.c is the same for each."""
        artifact = self.folder / (target if model == "digits" else f"{target}-{model}")
        text = call([self.adze, "compile", MODEL / f"{model}.onnx", "-t", target, "-o", artifact,
                     "--name", "digits", "--json"], self.folder)
        return artifact, json.loads(text)

    def run(self, command):
        predictions = self.folder / "predictions.bin"
        predictions.unlink(missing_ok=True)
        call(command, self.folder)
        return np.fromfile(predictions, np.float32).reshape(-1, 10)

    def run_host(self, artifact):
        program = self.folder / "classify"
        call(["gcc", *WARNINGS, "-O2", "-I", artifact, ROOT / "test/demo/classify.c",
              artifact / "digits.o", "-o", program, "-lm"], self.folder)
        return self.run([program])

    def run_cortex_m4(self, artifact):
        image = self.folder / "classify.elf"
        call(["arm-none-eabi-gcc", *CORTEX_M4, *WARNINGS, "-O3", "--specs=rdimon.specs",
              "-T", START / "cortex_m4.ld", "-I", artifact, START / "cortex_m4.c",
              ROOT / "test/demo/classify.c", artifact / "digits.c",
              artifact / "digits_weights.c", "-o", image, "-lm"], self.folder)
        return self.run([*QEMU, image])

    def count(self, model="digits"):
        text = call([self.adze, "bench", MODEL / f"{model}.onnx", "-t", "cortex-m4", "-i",
                     MODEL / "io.npz", "-c", "gcc", "--json"], self.folder)
        return json.loads(text)["measurements"][0]


def drawing(images, labels, predicted, style):
    """Digits side by side, two rows of pixels in one line of text."""
    shades = " .:-=+*#%@"
    lines = []
    for row in range(8):
        lines.append("   ".join("".join(shades[min(int(v) * len(shades) // 17, 9)] * 2
                                        for v in image[row]) for image in images))
    answers = []
    for label, guess in zip(labels, predicted):
        text = f"{guess}" if guess == label else f"{guess} (is {label})"
        answers.append((style.green if guess == label else style.red)(f"{text:^16}"))
    return "\n".join("  " + line for line in lines) + "\n  " + "   ".join(answers)


def report(demo, results, artifacts, counts, style):
    host, board = results["host"].argmax(1), results["cortex-m4"].argmax(1)
    int8 = results["int8"].argmax(1)
    number = len(demo.labels)

    print(f"\n{style.bold('Held-out digits, and what the Cortex-M4 says')}\n")
    wrong = np.flatnonzero(board != demo.labels)[:1]
    some = np.concatenate([np.flatnonzero(board == demo.labels)[[3, 71, 142, 260]], wrong])
    print(drawing(demo.images[some], demo.labels[some], board[some], style))

    print(f"\n{style.bold(f'{number} digits that took no part in training')}\n")
    print(f"  {'':22}{'this machine':>16}{'Cortex-M4':>16}{'Cortex-M4, int8':>18}")

    def row(name, first, second, third):
        print(f"  {name:22}{first:>16}{second:>16}{third:>18}")

    guesses = (host, board, int8)
    row("right", *(f"{(guess == demo.labels).sum()} of {number}" for guess in guesses))
    row("accuracy", *(f"{(guess == demo.labels).mean():.2%}" for guess in guesses))
    row("off the float64 model", *(f"{np.abs(results[t] - demo.reference).max():.1e}"
                                   for t in ("host", "cortex-m4", "int8")))
    row("agrees with Cortex-M4", *(f"{(guess == board).sum()} of {number}" for guess in guesses))

    print(f"\n{style.bold('One inference on the Cortex-M4')} "
          f"{style.dim('(counted in QEMU, ' + counts['float']['compiler_version'] + ', -O3)')}\n")
    print(f"  {'':22}{'float':>16}{'int8':>16}")
    for name, key in (("accuracy", None), ("instructions", "instructions"),
                      ("loads", "load_instructions"), ("stores", "store_instructions"),
                      ("RAM, bytes", "ram_bytes"), ("  of it arena", "arena_bytes"),
                      ("  of it stack", "stack_bytes"), ("flash, bytes", "flash_bytes"),
                      ("  of it weights", "weight_bytes")):
        figures = ([f"{(guess == demo.labels).mean():.2%}" for guess in (board, int8)]
                   if key is None else [f"{counts[form][key]:,}" for form in ("float", "int8")])
        print(f"  {name:22}{figures[0]:>16}{figures[1]:>16}")

    print(f"\n{style.bold('What was made')}\n")
    for target, artifact in artifacts.items():
        print(f"  {target + ': library':22}  {shown(artifact)}/")
        print(f"  {target + ': report':22}  {shown(artifact / 'report.html')}")
    print(f"  {'the program around it':22}  test/demo/classify.c")
    print("\nNext: docs/tutorial-first-model.md, or any model of yours:\n"
          f"  {shown(demo.adze)} inspect MODEL.onnx\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    style = Style(sys.stdout.isatty())

    def step(text):
        if not options.json:
            print(f"{style.green('==>')} {style.bold(text)}", flush=True)

    demo = Demo(options.build.resolve())
    artifacts, results = {}, {}
    for target, machine, run in (("host", "this machine", demo.run_host),
                                 ("cortex-m4", "a Cortex-M4 in QEMU", demo.run_cortex_m4)):
        step(f"adze compile digits.onnx -t {target}")
        artifacts[target], compiled = demo.compile(target)
        if not options.json:
            print(f"    {compiled['kernels']} kernels, {compiled['seconds']:.2f} s")
        step(f"{len(demo.labels)} digits on {machine}")
        results[target] = run(artifacts[target])
    step("adze compile digits_int8.onnx -t cortex-m4")
    artifacts["int8"], _ = demo.compile("cortex-m4", "digits_int8")
    step(f"{len(demo.labels)} digits on a Cortex-M4 in QEMU, int8")
    results["int8"] = demo.run_cortex_m4(artifacts["int8"])
    step("adze bench -t cortex-m4: digits.onnx, digits_int8.onnx")
    counts = {"float": demo.count(), "int8": demo.count("digits_int8")}

    guesses = {target: result.argmax(1) for target, result in results.items()}
    error = max(float(np.abs(results[target] - demo.reference).max())
                for target in ("host", "cortex-m4"))
    disagreements = int((guesses["host"] != guesses["cortex-m4"]).sum())
    if options.json:
        print(json.dumps({
            "digits": len(demo.labels),
            "right": {target: int((guess == demo.labels).sum()) for target, guess in guesses.items()},
            "disagreements": disagreements, "max_error": error, "cortex-m4": counts["float"],
            "cortex-m4 int8": counts["int8"]}, indent=2))
    else:
        report(demo, results, artifacts, counts, style)
    if disagreements or not error <= TOLERANCE:
        sys.exit(f"demo: the two machines disagree on {disagreements} digits; the largest "
                 f"difference from the float64 model is {error:.1e} (at most {TOLERANCE})")
    loss = float((guesses["cortex-m4"] == demo.labels).mean() -
                 (guesses["int8"] == demo.labels).mean())
    if loss > INT8_LOSS:
        sys.exit(f"demo: int8 costs {loss:.2%} of accuracy (at most {INT8_LOSS:.2%})")


if __name__ == "__main__":
    main()
