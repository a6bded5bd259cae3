#!/usr/bin/env python3
"""Which rules of MISRA C:2012 generated code deviates from, by cppcheck's addon.

usage: misra.py ADZE MODELS_FOLDER [--write PAGE]

Compiles the int8 models of MLPerf Tiny for a Cortex-M4, checks the C (its plain
form, as a compiler without the DSP extension sees it) and prints how often each
rule is deviated from. The rules and the reasons stand in misra_rules.json; a
rule that is not there, or a mandatory one, is a failure. --write writes the
table of deviations (docs/reference/misra.md).
"""
import collections
import glob
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
RULES = json.loads((HERE / "misra_rules.json").read_text())
MODELS = ("resnet8_int8_qdq", "kws_int8_qdq", "vww_int8_qdq", "ad01_int8_qdq")


def addon():
    for pattern in ("/usr/lib/*/cppcheck/addons/misra.py", "/usr/share/cppcheck/addons/misra.py",
                    "/usr/lib/cppcheck/addons/misra.py"):
        if found := glob.glob(pattern):
            return found[0]
    sys.exit("cppcheck's MISRA addon is missing; run tools/setup")


def call(*command, **options):
    done = subprocess.run(command, text=True, capture_output=True, **options)
    return done.returncode, done.stdout + done.stderr


def deviations(adze, model, folder):
    code, text = call(adze, "compile", model, "-t", "cortex-m4", "-o", folder / "net", "-n", "net")
    if code:
        sys.exit(text)
    code, text = call("cppcheck", "--dump", "-q", "-DINT_MAX=2147483647", "--std=c99",
                      "--platform=unix32", "net.c", cwd=folder / "net")
    if code:
        sys.exit(text)
    _, text = call(sys.executable, addon(), "net.c.dump", cwd=folder / "net")
    if "Checking" not in text:
        sys.exit(text)
    return collections.Counter(re.findall(r"\[misra-c2012-([0-9.]+)\]", text))


def page():
    lines = ["# MISRA C:2012", "",
             "Deviations of generated C from MISRA C:2012, as Appendix E of the guidelines asks for: the rule,",
             "its category and the reason. No mandatory rule is deviated from. `test/bench/misra.py ADZE MODELS`",
             "prints how often each occurs (cppcheck's addon, plain C form); a rule outside of this table fails.",
             "Blocks of assembly are behind feature macros, each with the plain C of the same function beside it.",
             "", "| rule | category | reason |", "|---|---|---|"]
    lines += [f"| {rule} | {category} | {reason} |" for rule, (category, reason) in RULES.items()]
    return "\n".join(lines) + "\n"


def main():
    if sys.argv[1:2] == ["--write"]:
        pathlib.Path(sys.argv[2]).write_text(page())
        return
    adze, models = sys.argv[1], pathlib.Path(sys.argv[2])
    found = {}
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = deviations(adze, models / "mlperf_tiny" / name / "model.onnx",
                                     pathlib.Path(folder))
    rules = sorted(set().union(*found.values()), key=lambda rule: [int(n) for n in rule.split(".")])
    print("| rule | category | " + " | ".join(MODELS) + " |\n|---|---" + "|---:" * len(MODELS) + "|")
    for rule in rules:
        print(f"| {rule} | {RULES.get(rule, ['UNKNOWN'])[0]} | " +
              " | ".join(str(found[name][rule]) for name in MODELS) + " |")
    unknown = [rule for rule in rules if rule not in RULES or RULES[rule][0] == "mandatory"]
    if unknown:
        sys.exit(f"deviations without a reason in misra_rules.json: rules {', '.join(unknown)}")


if __name__ == "__main__":
    main()
