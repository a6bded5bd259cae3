"""Tools that look at the code of GPUs, and what the tests in this folder share.

ptxas, nvdisasm and cuobjdump are those on PATH, of a toolkit (CUDA_HOME,
/usr/local/cuda) or of the Python packages that tools/setup installs.
"""
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sysconfig


class MissingTool(Exception):
    pass


def find(name):
    """The path of a tool; MissingTool if tools/setup has not been run."""
    places = [shutil.which(name)]
    for home in (os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"):
        if home:
            places.append(os.path.join(home, "bin", name))
    packages = [sysconfig.get_path("purelib"),
                os.path.expanduser("~/.cache/adze/venv/lib/python*/site-packages")]
    for folder in packages:
        parent = pathlib.Path(folder)
        if "*" in folder:
            found = sorted(pathlib.Path(os.path.expanduser("~/.cache/adze/venv/lib")).glob(
                f"python*/site-packages/nvidia/*/bin/{name}"))
        else:
            found = sorted(parent.glob(f"nvidia/*/bin/{name}"))
        places += [str(path) for path in found]
    for place in places:
        if place and os.access(place, os.X_OK):
            return place
    raise MissingTool(f"there is no {name}; tools/setup installs it")


@dataclasses.dataclass
class KernelUse:
    """What ptxas says of a kernel."""

    registers: int = 0
    stack: int = 0
    spill_stores: int = 0
    spill_loads: int = 0
    shared: int = 0  # static; dynamic shared memory is the launch's


def assemble(ptx, chip, output):
    """Assembles PTX. Returns ({kernel: KernelUse}, problems, what ptxas said)."""
    done = subprocess.run([find("ptxas"), "-v", f"-arch={chip}", "-o", str(output), str(ptx)],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=300)
    kernels, problems, current = {}, [], None
    for line in done.stdout.splitlines():
        entry = re.search(r"Compiling entry function '([^']+)'", line)
        if entry:
            current = kernels.setdefault(entry.group(1), KernelUse())
        stack = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, "
                          r"(\d+) bytes spill loads", line)
        if stack and current:
            current.stack, current.spill_stores, current.spill_loads = map(int, stack.groups())
        used = re.search(r"Used (\d+) registers", line)
        if used and current:
            current.registers = int(used.group(1))
            shared = re.search(r"(\d+) bytes smem", line)
            current.shared = int(shared.group(1)) if shared else 0
        # Advice that wgmma is serialized or registers are copied.
        if re.search(r"\bC75\d\d\b", line):
            problems.append(line.strip())
    if done.returncode:
        problems.append(f"ptxas: exit code {done.returncode}: {done.stdout[-2000:]}")
    for name, use in kernels.items():
        if use.spill_stores or use.spill_loads:
            problems.append(f"{name} spills {use.spill_stores} bytes")
    return kernels, problems, done.stdout


def simulator(adze):
    """libadze_ptxsim.so of the build that a program belongs to."""
    for parent in pathlib.Path(adze).resolve().parents:
        for folder in ("", "lib", "runtime/ptxsim"):
            path = parent / folder / "libadze_ptxsim.so"
            if path.exists():
                return path
    raise MissingTool("there is no libadze_ptxsim.so; build it (tools/build)")


def kernels_text(folder, name, chip):
    """The PTX for a chip, from the string literals of NAME_kernels.c."""
    text, inside = [], False
    for line in (folder / f"{name}_kernels.c").read_text().splitlines():
        if line.startswith("const char *const"):
            inside = line.endswith(f"_ptx_{chip}[] = {{")
        elif inside and line.startswith('  "'):
            text.append(json.loads(line.strip().rstrip(",")))
    return "".join(text)
