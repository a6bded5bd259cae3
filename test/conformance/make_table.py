#!/usr/bin/env python3
"""Writes docs/operators.md from the results of the node tests.

usage: make_table.py RESULTS [--output docs/operators.md]

RESULTS is the folder with host.json and c.json that run.py leaves. The versions
of operators come from the installed onnx package.
"""
import argparse
import collections
import json
import pathlib
import re
import sys

import onnx.defs

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGETS = ["host", "c"]

HEAD = """# Operators

<!-- Written by test/conformance/run.py --update; do not edit. -->

adze runs the node tests of ONNX {onnx} ({total} tests, opsets up to 28) on every target.
A test passes if all its outputs have the reference's type and shape, its integers and
booleans are equal, and its floats are within `1e-7 + 1e-3 * |reference|`, element by element.
On target `c` the generated code also has to compile without a warning under gcc and clang
with `-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror`.

{totals}

"Inputs fixed" are among those that pass: their shapes depend on the values of inputs (the axes
of a reduction, the shape of a Reshape), so these inputs were given when compiling
(`CompileOptions::constants`) rather than when running. adze compiles for static shapes.

Attention in 16-bit floats can be a unit in the last place away from the reference, which rounds
to 16 bits after other steps than adze does; for bfloat16 that unit is more than the tolerance.

The table is printed by

```sh
tools/build
python3 test/conformance/run.py --tool build/test/tools/adze-conformance/adze-conformance \\
    --work build/conformance --update
```

and one operator is looked at with
`adze-conformance build/conformance/onnx_node_tests --op Resize --list-failures`
(`--target c`, `--filter REGEX`, `--sanitize`, `--in-process`: see `--help`).

## Tests by operator

A version is the operator set in which this form of the operator appeared. An *expanded* test
holds the operator's definition by simpler operators in place of the operator.

| Operator | Version | Tests on host | on c | Expanded on host | on c | What is missing |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
"""


def since_version(test):
    domain = "" if test["domain"] == "ai.onnx" else test["domain"]
    try:
        return onnx.defs.get_schema(test["op"], test["opset"], domain).since_version
    except onnx.defs.SchemaError:
        return test["opset"]


def reason(test):
    """Why a test does not pass, in few words."""
    message = re.sub(r"\S*/(test_\w+)/(model\.onnx|test_data_set_\d+/\w+\.pb): ", "", test["message"])
    missing = re.findall(r"^\s+(\w+) \([\w.]+ version (\d+)\)", message, re.M)
    if missing:
        names = sorted({f"{name}-{version}" for name, version in missing})
        if names == [f"{test['op']}-{since_version(test)}"]:
            return "not implemented"
        return "needs " + ", ".join(names)
    message = re.sub(r"^node '[^']*' \([^)]*\): ", "", message.replace("\n", " "))
    message = re.sub(r"(input|output) '[^']*'", r"an \1", message)
    message = re.sub(r"^the file holds (.*), which is not supported\.?$", r"\1", message)
    message = re.sub(r"^an input is (.*), which is not supported\.?$", r"\1 as input", message)
    if test["result"] == "wrong":
        kind = re.match(r"output \d+ '[^']*' (\w+)", test["message"])
        return "wrong result" + (f" ({kind[1]})" if kind else "")
    if test["result"] in ("crash", "timeout"):
        return test["result"]
    # The first clause says what; the rest what to do.
    return re.split(r"[:;]", message)[0].rstrip(".")[:110]


def cell(tests):
    if not tests:
        return ""
    passed = sum(test["result"] == "pass" for test in tests)
    return f"{passed} of {len(tests)}" if passed != len(tests) else f"{passed}"


def escaped(text):
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def what_is_missing(tests):
    reasons = collections.Counter(reason(test) for test in tests if test["result"] != "pass")
    parts = [f"{text}" + (f" ({count})" if count > 1 else "")
             for text, count in reasons.most_common(3)]
    if len(reasons) > 3:
        parts.append(f"{len(reasons) - 3} other reasons")
    return escaped("; ".join(parts))


def table(results):
    rows = collections.defaultdict(lambda: collections.defaultdict(list))
    for target, tests in results.items():
        for test in tests:
            key = (test["domain"], test["op"], since_version(test))
            rows[key][target, test["expanded"]].append(test)
    text, last = "", None
    for key in sorted(rows, key=lambda k: (k[0] != "ai.onnx", k[0], k[1].lower(), k[2])):
        domain, op, version = key
        row = rows[key]
        name = op if domain == "ai.onnx" else f"{domain}.{op}"
        everything = {}
        for target in reversed(TARGETS):  # the reason on host comes first
            for expanded in (True, False):
                for test in row[target, expanded]:
                    if test["result"] != "pass" or test["name"] not in everything:
                        everything[test["name"]] = test
        cells = [cell(row[target, expanded]) for expanded in (False, True) for target in TARGETS]
        text += (f"| {name if name != last else ''} | {version} | {' | '.join(cells)} | "
                 f"{what_is_missing(everything.values())} |\n")
        last = name
    return text


def totals(results):
    text = "| Target | Pass | Wrong | Not supported | Error | Crash or time-out | Inputs fixed |\n"
    text += "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    for target, tests in results.items():
        count = collections.Counter(test["result"] for test in tests)
        fixed = sum(bool(test["fixed"]) and test["result"] == "pass" for test in tests)
        text += (f"| `{target}` | **{count['pass']}** | {count['wrong']} | {count['unsupported']} | "
                 f"{count['error']} | {count['crash'] + count['timeout']} | {fixed} |\n")
    return text


def runtime_operators():
    """What the importer lists of onnxruntime's domain."""
    rows = "".join(path.read_text() for path in sorted((ROOT / "lib/Import").rglob("*.cpp")))
    names = sorted(set(re.findall(r'\{"com\.microsoft",\s*"(\w+)"', rows)), key=str.lower)
    return ("\n## Operators of onnxruntime\n\n"
            "Of the domain `com.microsoft`: " + ", ".join(names) + ". And `SimplifiedLayerNormalization`, "
            "which onnxruntime\nputs into `ai.onnx`. `test/models/fused_operators.py build/tools/adze/adze` "
            "compares them with onnxruntime\n(those of the QLinear family: `quantized_forms.py` beside it).\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs/operators.md")
    options = parser.parse_args()
    results = {target: json.loads((options.results / f"{target}.json").read_text())["tests"]
               for target in TARGETS if (options.results / f"{target}.json").exists()}
    if not results:
        sys.exit(f"{options.results} holds no results: run test/conformance/run.py first")
    head = HEAD.format(onnx=onnx.__version__, total=len(next(iter(results.values()))),
                       totals=totals(results).rstrip())
    options.output.write_text(head + table(results) + runtime_operators())


if __name__ == "__main__":
    main()
