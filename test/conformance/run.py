#!/usr/bin/env python3
"""Runs ONNX's node tests and holds the results against the baseline.

usage: run.py --tool adze-conformance --work DIR [--target host|c]...
              [--update] [--jobs N] [-- ARGUMENTS OF THE TOOL]

The tests are those of $ADZE_MODELS/onnx_node_tests.tar.xz (default:
../shared/models beside the checkout), unpacked into DIR; without that archive
those of the installed onnx package; without both nothing is run and a line says
so. test/conformance/baseline.json names the tests that have to pass on each
target. --update writes the baseline anew, and docs/operators.md with it.

The exit code is 1 if a test of the baseline does not pass.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BASELINE = HERE / "baseline.json"
SKIPPED = 77  # the exit code that says so


def unpacked(archive, folder):
    """The folder of the tests in the archive, unpacked once."""
    tests = folder / "onnx_node_tests"
    stamp = folder / "unpacked"
    mark = f"{archive.stat().st_size} {archive.stat().st_mtime_ns}"
    if not stamp.exists() or stamp.read_text() != mark:
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        stamp.write_text(mark)
    return tests


def find_suite(work):
    models = pathlib.Path(os.environ.get("ADZE_MODELS", ROOT.parent / "shared/models"))
    archive = models / "onnx_node_tests.tar.xz"
    if archive.exists():
        return unpacked(archive, work)
    try:
        import onnx
    except ImportError:
        return None
    data = pathlib.Path(onnx.__file__).parent / "backend/test/data/node"
    return data if data.exists() else None


def run_tool(options, suite, target):
    results = options.work / f"{target}.json"
    results.unlink(missing_ok=True)
    command = [options.tool, suite, "--target", target, "--jobs", str(options.jobs),
               "--json", results, *options.arguments]
    # A failing test is no failure here: the baseline decides.
    code = subprocess.run([str(part) for part in command], check=False).returncode
    if not results.exists():
        sys.exit(f"{options.tool} wrote no results (exit code {code})")
    return json.loads(results.read_text())["tests"]


def compare(target, tests, expected):
    """Prints what the baseline does not say; returns the number of failures."""
    outcome = {test["name"]: test for test in tests}
    passing = {name for name, test in outcome.items() if test["result"] == "pass"}
    lost = [name for name in expected if name in outcome and name not in passing]
    for name in lost:
        test = outcome[name]
        print(f"{target}: {name} has to pass: {test['result']}: {test['message']}")
    gained = passing - set(expected)
    if gained:
        print(f"{target}: {len(gained)} tests pass that the baseline does not name "
              f"({', '.join(sorted(gained)[:4])}{', ...' if len(gained) > 4 else ''}); add them with "
              "test/conformance/run.py --update")
    return len(lost)


def main():
    own, arguments = sys.argv[1:], []
    if "--" in own:
        at = own.index("--")
        own, arguments = own[:at], own[at + 1:]
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--target", action="append", choices=["host", "c"])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args(own)
    options.arguments = arguments
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    suite = find_suite(options.work)
    if suite is None:
        print("skipped: neither $ADZE_MODELS/onnx_node_tests.tar.xz nor the test data of the onnx "
              "package is here")
        return SKIPPED
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    failures = 0
    for target in options.target or ["host", "c"]:
        tests = run_tool(options, suite, target)
        if options.update:
            baseline[target] = sorted(t["name"] for t in tests if t["result"] == "pass")
        else:
            failures += compare(target, tests, baseline.get(target, []))
    if options.update:
        BASELINE.write_text(json.dumps(baseline, indent=0) + "\n")
        subprocess.run([sys.executable, HERE / "make_table.py", options.work], check=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
