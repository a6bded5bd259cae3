"""Generated C under strict compilers and sanitizers.

An artifact of target c must compile with gcc and clang without a warning, and
run under AddressSanitizer and UndefinedBehaviorSanitizer with inputs, outputs
and arena of exactly their sizes, each an allocation of its own, so that a
single byte beside them is found. The outputs are compared with the reference.
"""
import json

import numpy as np

from results import FAILED, PASSED, Result, call

STRICT = "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror"
# Sanitized code of unrolled kernels takes minutes to optimise and a moment to run.
SANITIZE = ("-std=c99 -O0 -g -fsanitize=address,undefined -fno-sanitize-recover=all "
            "-fno-omit-frame-pointer").split()

DRIVER = """\
#include "{name}.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *block(const char *path, size_t size) {{
  void *data = NULL;
  if (posix_memalign(&data, {upper}_ARENA_ALIGN, size) != 0) exit(5);
  memset(data, 0xff, size);
  if (path != NULL) {{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fread(data, 1, size, file) != size) exit(3);
    fclose(file);
  }}
  return data;
}}

static void save(const char *path, const void *data, size_t size) {{
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(data, 1, size, file) != size) exit(4);
  fclose(file);
}}

int main(void) {{
{blocks}
  void *arena = block(NULL, {upper}_ARENA_SIZE);
  int status = {name}_run({arguments}, arena, {upper}_ARENA_SIZE);
  if (status != 0) {{ fprintf(stderr, "%s\\n", {name}_status_text(status)); return 2; }}
{saves}
{frees}
  free(arena);
  return 0;
}}
"""


def driver(name, inputs, outputs, arrays):
    blocks, saves, frees, arguments = [], [], [], []
    for kind, tensors in (("in", inputs), ("out", outputs)):
        for i, tensor in enumerate(tensors):
            size = arrays[f"{kind}/{tensor}"].nbytes
            path = f'"{kind}{i}.bin"' if kind == "in" else "NULL"
            blocks.append(f"  void *{kind}{i} = block({path}, {size});")
            arguments.append(f"{kind}{i}")
            frees.append(f"  free({kind}{i});")
            if kind == "out":
                saves.append(f'  save("out{i}.bin", out{i}, {size});')
    return DRIVER.format(name=name, upper=name.upper(), blocks="\n".join(blocks),
                         saves="\n".join(saves), frees="\n".join(frees), arguments=", ".join(arguments))


def check_generated_c(context, title, model, io, rtol):
    folder = context.work / "generated-c" / model.parent.name
    results, total = [], 0.0

    def step(name, command):
        code, output, seconds = call(command, cwd=folder)
        status = FAILED if code else PASSED
        detail = " ".join(map(str, command)) + "\n" + output if code else ""
        results.append(Result(f"{title}: {name}", status, detail, seconds))
        return code == 0

    folder.mkdir(parents=True, exist_ok=True)
    with np.load(io) as file:
        arrays = {name: np.asarray(file[name], order="C") for name in file.files}
    shapes = [part for name, array in arrays.items() if name.startswith("in/") and array.ndim
              for part in ("--shape", f"{name[3:]}={'x'.join(map(str, array.shape))}")]
    if not step("compile", [context.adze, "compile", model, "-t", "c", "-o", folder / "c",
                            "-n", "model", *shapes]):
        return results
    sources = sorted((folder / "c").glob("model*.c"))
    for compiler in ("gcc", "clang-22"):
        step(f"no warning of {compiler}", ["bash", "-c", (
            f"for f in {folder}/c/model*.c; do {compiler} {STRICT} -O2 -c $f -o /dev/null || exit 1; "
            "done")])

    metadata = json.loads((folder / "c/model.json").read_text())
    inputs = [tensor["name"] for tensor in metadata["inputs"]]
    outputs = [tensor["name"] for tensor in metadata["outputs"]]
    for i, name in enumerate(inputs):
        arrays[f"in/{name}"].tofile(folder / f"in{i}.bin")
    (folder / "driver.c").write_text(driver("model", inputs, outputs, arrays))
    program = folder / "sanitized"
    if not step("build with sanitizers", ["clang-22", "-D_POSIX_C_SOURCE=200112L", *SANITIZE, "-I",
                                          folder / "c", folder / "driver.c", *sources, "-o",
                                          program, "-lm"]):
        return results
    if not step("address and undefined behaviour", [program]):
        return results
    limit = float(rtol[1]) if rtol else 1e-4
    for i, name in enumerate(outputs):
        expected = arrays[f"out/{name}"]
        got = np.fromfile(folder / f"out{i}.bin", expected.dtype).reshape(expected.shape)
        difference = np.linalg.norm(got.astype(np.float64) - expected)
        error = difference / max(np.linalg.norm(expected.astype(np.float64)), 1e-30)
        results.append(Result(f"{title}: output {name}", PASSED if error <= limit else FAILED,
                              f"relative L2 {error:.2e}, at most {limit:.2e}"))
    return results
