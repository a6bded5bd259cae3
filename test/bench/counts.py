#!/usr/bin/env python3
"""What models cost on an emulated Cortex-M4, and that it stays below a limit.

usage: cortex_m4.py ADZE MODELS_FOLDER [MODEL...]

Runs `adze bench` with gcc on the models of cortex_m4.json and prints a table in
Markdown (the one of README.md). Counts repeat exactly, so the limits, a little
above what was reached, fail only when code got worse. Exit code 1 if a limit is
passed.
"""
import json
import pathlib
import subprocess
import sys

LIMITS = json.loads((pathlib.Path(__file__).resolve().parent / "cortex_m4.json").read_text())
COLUMNS = (("instructions", "instructions"), ("loads", "load_instructions"),
           ("stores", "store_instructions"), ("arena", "arena_bytes"), ("stack", "stack_bytes"),
           ("flash", "flash_bytes"), ("of it weights", "weight_bytes"))


def measure(adze, folder):
    done = subprocess.run([adze, "bench", folder / "model.onnx", "-t", "cortex-m4", "-i",
                           folder / "io.npz", "-c", "gcc", "--json"],
                          text=True, capture_output=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return json.loads(done.stdout)["measurements"][0]


def main():
    adze, models = sys.argv[1], pathlib.Path(sys.argv[2])
    print("| model | " + " | ".join(title for title, _ in COLUMNS) + " |")
    print("|---" + "|---:" * len(COLUMNS) + "|")
    passed_over = []
    for name in sys.argv[3:] or LIMITS:
        figures = measure(adze, models / name)
        print(f"| {name} | " + " | ".join(f"{figures[key]:,}" for _, key in COLUMNS) + " |",
              flush=True)
        for key, limit in LIMITS.get(name, {}).items():
            if figures[key] > limit:
                passed_over.append(f"{name}: {key} {figures[key]:,}, the limit is {limit:,}")
    if passed_over:
        sys.exit("\n".join(passed_over))


if __name__ == "__main__":
    main()
