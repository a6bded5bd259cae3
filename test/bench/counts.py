#!/usr/bin/env python3
"""What models cost on emulated microcontrollers, and that it stays below limits.

usage: counts.py ADZE MODELS_FOLDER [CASE...] [--update]

Runs `adze bench` on the cases of limits.json ("MACHINE MODEL [OPTION...]") and
prints a table in Markdown for each machine, every figure of the better one of
its compilers. Counts repeat exactly, so the limits, 2 % above what was reached,
fail only when code got worse; --update writes them anew. Where another library
is known layer by layer (peers/), no layer may need more instructions than there,
but those that are listed as `above_peer`. Exit code 1 if a limit is passed.
"""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LIMITS = HERE / "limits.json"
MARGIN = 1.02
LIMITED = ("instructions", "estimated_cycles", "ram_bytes", "code_bytes", "weight_bytes")
COLUMNS = (("instructions", "instructions"), ("loads", "load_instructions"),
           ("~cycles", "estimated_cycles"), ("arena", "arena_bytes"), ("stack", "stack_bytes"),
           ("RAM", "ram_bytes"), ("code", "code_bytes"), ("constants", "weight_bytes"))


def peers_of(machine):
    return next(iter(HERE.glob(f"peers/*.{machine}.json")), None)


def measure(adze, models, case):
    machine, model, *options = case.split()
    folder = models / model
    command = [adze, "bench", folder / "model.onnx", "-t", machine, "--json", *options]
    if (folder / "io.npz").exists():
        command += ["-i", folder / "io.npz"]
    if peers_of(machine):
        command += ["--peers", peers_of(machine)]
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return json.loads(done.stdout)["measurements"][0]  # the better compiler's


def peer_total(case):
    machine, model = case.split()[:2]
    if not peers_of(machine):
        return None
    known = json.loads(peers_of(machine).read_text())["models"].get(model.split("/")[-1])
    return known and known["total"]["instructions"]


def check(case, figures, limits):
    problems = [f"{case}: {key} {figures[key]:,}, the limit is {limits[key]:,}"
                for key in LIMITED if key in limits and figures[key] > limits[key]]
    for row in figures.get("layers", []):
        peer = row.get("peer_instructions")
        if peer and row["instructions"] > peer and row["layer"] not in limits.get("above_peer", []):
            problems.append(f"{case}: {row['layer']} takes {row['instructions']:,} instructions "
                            f"({row.get('schedule', '')}), the peer {peer:,}")
    return problems


def main():
    arguments = [a for a in sys.argv[1:] if a != "--update"]
    update = len(arguments) < len(sys.argv) - 1
    adze, models = arguments[0], pathlib.Path(arguments[1])
    limits = json.loads(LIMITS.read_text())
    problems, machine = [], None
    for case in arguments[2:] or limits:
        figures = measure(adze, models, case)
        if case.split()[0] != machine:
            machine = case.split()[0]
            print(f"\n| {machine} | compiler | " + " | ".join(title for title, _ in COLUMNS) +
                  " | of peer |\n|---|---" + "|---:" * (len(COLUMNS) + 1) + "|")
        peer = peer_total(case)
        print(f"| {' '.join(case.split()[1:])} | {figures['compiler']} | " +
              " | ".join(f"{figures[key]:,}" for _, key in COLUMNS) +
              f" | {figures['instructions'] / peer:.3f} |" if peer else
              f"| {' '.join(case.split()[1:])} | {figures['compiler']} | " +
              " | ".join(f"{figures[key]:,}" for _, key in COLUMNS) + " | |", flush=True)
        if update:
            kept = {key: limits[case][key] for key in ("above_peer",) if key in limits[case]}
            limits[case] = {key: int(figures[key] * MARGIN) for key in LIMITED if figures[key]} | kept
        else:
            problems += check(case, figures, limits[case])
    if update:
        LIMITS.write_text(json.dumps(limits, indent=1) + "\n")
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
