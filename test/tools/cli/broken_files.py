"""Every broken model of test/import through `adze compile`: exit code 1, one
paragraph that names the model, and nothing written. The messages themselves
are tested there."""

import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "import"))
import broken_models  # noqa: E402


def check(name, folder):
    function, _, status, options = broken_models.CASES[name]
    place = folder / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    path = function(str(place)) or str(place / "model.onnx")
    before = sorted(os.listdir(folder))
    if status == 0:
        return ""  # not broken after all
    process = subprocess.run(["adze", "compile", path, "-t", "c", "-o", str(folder / "out"), *options],
                             capture_output=True, timeout=60)
    errors = process.stderr.decode(errors="backslashreplace")
    if process.returncode == 2 and "--shape" in options:
        return ""  # refused before the model is looked at
    if process.returncode != 1:
        return f"exit code {process.returncode}: {errors[-400:]}"
    if not errors.startswith("adze: error: " + path + ": ") or errors.count("\n") != 1:
        return f"not one paragraph: {errors!r}"
    if process.stdout:
        return f"prints {process.stdout!r}"
    if sorted(os.listdir(folder)) != before:
        return "leaves something behind"
    return ""


def main():
    folder = pathlib.Path(sys.argv[1])
    faults = {name: check(name, folder) for name in broken_models.CASES}
    for name, fault in faults.items():
        if fault:
            print(f"FAIL {name}: {fault}")
    print(f"{len(faults)} cases")
    return any(faults.values())


if __name__ == "__main__":
    sys.exit(main())
