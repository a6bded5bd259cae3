#!/usr/bin/env python3
"""How near the analytic choice of schedules comes to the best ones.

usage: choice.py KERNEL_CHECK [CHIP...] [--update] [--recount MODEL]

The judge is best/CHIP.json: the instructions of every schedule of every layer
of the four MLPerf Tiny models, counted in QEMU. --update counts them anew,
minutes for a chip ("adze-kernel-check --chip CHIP --model MODEL --all --json");
otherwise only the estimates are asked ("--rank"), in a second. Printed for each
chip: the geometric mean and the tenth percentile of best / chosen over the
layers, how many layers get the best schedule, for how many it is among the
first 3, and instructions chosen and best. What falls below limits.json's
neighbour choice.json fails. --recount runs the chosen schedules of a model, so
that counts which have become stale show.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
MODELS = ("ad01", "kws", "resnet8", "vww")
STALE = 0.02  # counts of today may differ from those of the file by this


def check(command, *options):
    done = subprocess.run([command, *options], text=True, capture_output=True)
    if done.returncode:
        sys.exit(f"adze-kernel-check {' '.join(options)}:\n{done.stdout[-2000:]}{done.stderr}")
    return json.loads(done.stdout)


def layers_of(rows):
    """The rows of each layer, in the order of the model; those of two equal
    layers that follow each other are told apart by the first schedule."""
    layers = []
    for row in rows:
        if not layers or (layers[-1][0]["layer"] != row["layer"] or
                          layers[-1][0]["schedule"] == row["schedule"]):
            layers.append([])
        layers[-1].append(row)
    return layers


def count(command, chip):
    counts = {}
    for model in MODELS:
        rows = check(command, "--chip", chip, "--model", model, "--all", "--json")
        counts[model] = counted(rows)
    return counts


def counted(rows):
    """Equal layers stand there once: {layer: {schedule: instructions}}."""
    return {rows[0]["layer"]: {row["schedule"]: row["instructions"] for row in rows}
            for rows in layers_of(rows)}


def write(path, counts):
    """A line for each layer."""
    models = []
    for model, layers in counts.items():
        lines = [f"  {json.dumps(layer)}: {json.dumps(schedules)}"
                 for layer, schedules in layers.items()]
        models.append(f" {json.dumps(model)}: {{\n" + ",\n".join(lines) + "\n }")
    path.parent.mkdir(exist_ok=True)
    path.write_text("{\n" + ",\n".join(models) + "\n}\n")


def judge(command, chip, counts):
    """Ratios best / chosen, ranks of the best, and what has no count."""
    ratios, ranks, chosen_total, best_total, misses, unknown = [], [], 0, 0, [], []
    for model in MODELS:
        for rows in layers_of(check(command, "--chip", chip, "--model", model, "--rank")):
            known = counts.get(model, {}).get(rows[0]["layer"], {})
            missing = [row["schedule"] for row in rows if row["schedule"] not in known]
            if missing:
                unknown.append(f"{chip} {model} {rows[0]['layer']}: {missing[0]}")
                continue
            order = [known[row["schedule"]] for row in rows]
            best = min(order)
            ratios.append(best / order[0])
            ranks.append(order.index(best))
            chosen_total += order[0]
            best_total += best
            if ranks[-1]:
                misses.append(f"  {model}: {rows[0]['problem']}: {rows[0]['schedule']} takes {order[0]:,}, "
                              f"{rows[ranks[-1]]['schedule']} {best:,} ({ratios[-1]:.3f})")
    return ratios, ranks, chosen_total, best_total, misses, unknown


def recount(command, chip, counts, model):
    stale = []
    for rows in layers_of(check(command, "--chip", chip, "--model", model, "--json")):
        row = rows[0]
        known = counts[model].get(row["layer"], {}).get(row["schedule"])
        if known is None or abs(row["instructions"] - known) > STALE * known:
            stale.append(f"{chip} {model} {row['layer']}: {row['schedule']} takes "
                         f"{row['instructions']:,} instructions, best/{chip}.json says {known}; "
                         f"choice.py --update counts anew")
    return stale


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kernel_check")
    parser.add_argument("chips", nargs="*")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--recount", metavar="MODEL", choices=MODELS)
    options = parser.parse_args()
    limits = json.loads((HERE / "choice.json").read_text())
    problems = []
    print("| chip | layers | geomean best/chosen | p10 | best chosen | best in first 3 | "
          "chosen | best |\n|---|" + "---:|" * 7)
    for chip in options.chips or limits:
        path = HERE / "best" / f"{chip}.json"
        if options.update:
            write(path, count(options.kernel_check, chip))
        counts = json.loads(path.read_text())
        ratios, ranks, chosen, best, misses, unknown = judge(options.kernel_check, chip, counts)
        problems += [f"{line} has no count; choice.py --update" for line in unknown]
        if options.recount:
            problems += recount(options.kernel_check, chip, counts, options.recount)
        if not ratios:
            continue
        figures = {"geomean": math.exp(sum(map(math.log, ratios)) / len(ratios)),
                   "p10": sorted(ratios)[len(ratios) // 10],
                   "best_chosen": ranks.count(0) / len(ranks),
                   "best_in_3": sum(rank < 3 for rank in ranks) / len(ranks)}
        print(f"| {chip} | {len(ratios)} | {figures['geomean']:.4f} | {figures['p10']:.4f} | "
              f"{ranks.count(0)} | {sum(rank < 3 for rank in ranks)} | {chosen:,} | {best:,} |")
        print("\n".join(misses), end="\n" if misses else "")
        problems += [f"{chip}: {name} is {figures[name]:.4f}, the limit is {limit}"
                     for name, limit in limits[chip].items() if figures[name] < limit]
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
