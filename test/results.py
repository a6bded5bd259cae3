"""What the parts of tools/test have in common: a result, and a call of a tool."""
import dataclasses
import subprocess
import time

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclasses.dataclass
class Result:
    name: str
    status: str
    detail: str = ""  # of a failure what was printed, of a skip the reason
    seconds: float = 0.0


@dataclasses.dataclass
class Job:
    """A piece of work for one core. `cost` is about its seconds: the longest
    jobs start first."""

    group: str
    name: str
    cost: float
    run: object  # () -> list of Result


def call(command, timeout=900, **options):
    """Runs a command to its end; a time-out looks like a failure."""
    started = time.monotonic()
    try:
        done = subprocess.run([str(part) for part in command], text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout, **options)
        code, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode(errors="replace")
        code, output = 124, f"{output}\nstopped after {timeout} s"
    return code, output, time.monotonic() - started


def command_job(group, name, cost, command, timeout=900, **options):
    """A command whose exit code is the one result."""

    def run():
        code, output, seconds = call(command, timeout, **options)
        if code == 0:
            return [Result(name, PASSED, seconds=seconds)]
        command_line = " ".join(map(str, command))
        return [Result(name, FAILED, f"{command_line}\nexit code {code}\n{output}", seconds)]

    return Job(group, name, cost, run)
