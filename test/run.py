#!/usr/bin/env python3
"""Runs the tests of adze; tools/test calls it after setup and build.

usage: run.py --build BUILD [--only GROUP]... [--all] [--jobs N] [--list]

The groups are the functions of GROUPS below. Each gives jobs for one core; the
longest start first, as many at a time as there are cores. The last line that is
printed says how many results passed, failed and were skipped.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import shutil
import sys
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test"))

from models import models  # noqa: E402 (the path comes first)
from results import FAILED, PASSED, SKIPPED, Job, Result, call, command_job  # noqa: E402


class Context:
    """Where things are."""

    def __init__(self, options):
        self.build = options.build.resolve()
        self.all = options.all
        self.work = self.build / "test-work"
        self.work.mkdir(parents=True, exist_ok=True)
        self.python = sys.executable
        self.adze = self.build / "tools/adze/adze"
        self.models = pathlib.Path(os.environ.get("ADZE_MODELS", ROOT.parent / "shared/models"))
        os.environ["ADZE_PYTHON"] = self.python
        if self.models.exists():
            os.environ["ADZE_MODELS"] = str(self.models.resolve())

    def tool(self, name):
        return self.build / "test/tools" / name / name


def google_tests(context, group, name, cost, program):
    """An executable of GoogleTest cases: one result for each case."""

    def run():
        report = context.work / f"{name}.json"
        report.unlink(missing_ok=True)
        code, output, seconds = call([program, f"--gtest_output=json:{report}"])
        results = []
        if report.exists():
            for suite in json.loads(report.read_text())["testsuites"]:
                for case in suite["testsuite"]:
                    title = f"{suite['name']}.{case['name']}"
                    problems = "\n".join(f["failure"] for f in case.get("failures", []))
                    status = FAILED if problems else PASSED
                    if case.get("result") == "SKIPPED":
                        status = SKIPPED
                    results.append(Result(title, status, problems,
                                          float(case["time"].rstrip("s"))))
        if code and not any(result.status == FAILED for result in results):
            results.append(Result(name, FAILED, f"{program}: exit code {code}\n{output}", seconds))
        return results

    return Job(group, name, cost, run)


def unit_jobs(context):
    """C++ pieces, without a model."""
    return [google_tests(context, "unit", "adze-unit-tests", 10,
                         context.build / "test/unit/adze-unit-tests")]


def mcu_jobs(context):
    """Images in QEMU, and the system's C compiler."""
    return [google_tests(context, "mcu", "adze-mcu-tests", 40,
                         context.build / "test/mcu/adze-mcu-tests")]


def runtime_jobs(context):
    """The functions of runtime/core: text, results and accuracy."""
    bits = ["--bits", "22"] if context.all else []
    return [google_tests(context, "runtime", "adze-runtime-tests", 5,
                         context.build / "test/runtime/adze-runtime-tests"),
            command_job("runtime", "results and accuracy", 60,
                        [context.python, ROOT / "test/runtime/run.py", *bits])]


# Folders of lit tests that run by themselves, with about their seconds.
LIT_FOLDERS = {"artifact": 10, "codegen/c": 60, "codegen/host": 60, "codegen/interp": 60,
               "dialects": 5, "import": 120, "passes": 30, "quantize": 30,
               "tools": 90}


def lit_jobs(context):
    """Text in, text out: passes, dialects, emitters, tools, messages."""
    # Folders that are not in the table are a job together.
    lit = "/usr/lib/llvm-22/bin/lit"
    lit = lit if pathlib.Path(lit).exists() else shutil.which("llvm-lit") or "lit"
    here = ROOT / "test"
    known = {folder: cost for folder, cost in LIT_FOLDERS.items() if (here / folder).exists()}
    tests = [path.relative_to(here) for suffix in ("*.mlir", "*.test")
             for path in here.rglob(suffix)
             if "Inputs" not in path.parts and "RUN:" in path.read_text(errors="replace")]
    others = sorted({str(path.parent) for path in tests
                     if not any(path.is_relative_to(folder) for folder in known)})

    def run(folders):
        title = "lit " + " ".join(folders)
        report = context.work / f"lit-{'-'.join(folders).replace('/', '-')}.json"
        report.unlink(missing_ok=True)
        places = [context.build / "test" / folder for folder in folders]
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
        code, output, seconds = call([lit, "-j1", "-sv", "-o", report, *places], 1500)
        if not report.exists():
            return [Result(title, FAILED, output, seconds)]
        results = []
        for test in json.loads(report.read_text())["tests"]:
            passed = test["code"] in ("PASS", "XFAIL", "FLAKYPASS")
            skipped = test["code"] in ("UNSUPPORTED", "SKIPPED")
            status = PASSED if passed else SKIPPED if skipped else FAILED
            detail = test.get("output", "") if status == FAILED else ""
            results.append(Result(test["name"].removeprefix("adze :: "), status, detail,
                                  test.get("elapsed") or 0))
        if code and not any(result.status == FAILED for result in results):
            results.append(Result(title, FAILED, output, seconds))
        return results

    jobs = [Job("lit", f"lit {folder}", cost, lambda folder=folder: run([folder]))
            for folder, cost in known.items()]
    if others:
        jobs.append(Job("lit", "lit of other folders", 10, lambda: run(others)))
    return jobs


def import_jobs(context):
    """Whole models are read, in short time and little memory."""
    script = ROOT / "test/import/whole_models.py"
    if not context.models.exists():
        return [Job("import", "models are read", 1, lambda: [
            Result("models are read", SKIPPED, f"no models in {context.models}")])]
    # The reader leaves generated weights alone, so that they need not be there.
    folders = sorted(path.parent for path in context.models.glob("**/model.onnx")
                     if not (path.parent / "gen.json").exists())
    return [command_job("import", "models are read", 20,
                        [context.python, script, context.tool("adze-import"), *folders])]


def conformance_jobs(context):
    """ONNX's node tests: those of the baseline have to pass."""
    here = ROOT / "test/conformance"
    code_of_nothing_to_run = 77

    def run(target):
        work = context.work / f"conformance-{target}"
        code, output, seconds = call(
            [context.python, here / "run.py", "--tool", context.tool("adze-conformance"),
             "--work", work, "--target", target, "--jobs", "1"], 2400)
        if code == code_of_nothing_to_run:
            return [Result(f"node tests on {target}", SKIPPED, output.strip())]
        results, required = [], set()
        if (here / "baseline.json").exists():
            required = set(json.loads((here / "baseline.json").read_text()).get(target, []))
        report = work / f"{target}.json"
        tests = json.loads(report.read_text())["tests"] if report.exists() else []
        for test in tests:
            name = f"{test['name']} on {target}"
            if test["result"] == "pass":
                results.append(Result(name, PASSED, "", test["seconds"]))
            elif test["name"] in required:
                results.append(Result(name, FAILED, f"{test['result']}: {test['message']}"))
            else:
                results.append(Result(name, SKIPPED, f"node tests on {target} that do not pass "
                                      "yet (docs/operators.md)"))
        if (code and not any(result.status == FAILED for result in results)) or not tests:
            results.append(Result(f"node tests on {target}", FAILED, output, seconds))
        return results

    return [Job("conformance", f"node tests on {target}", cost, lambda target=target: run(target))
            for target, cost in (("host", 300), ("c", 600))]


def bench_jobs(context):
    """Instructions and memory on emulated chips, which repeat exactly."""
    script = ROOT / "test/bench/counts.py"
    cases = json.loads((script.parent / "limits.json").read_text())
    jobs = []
    for case in cases:
        model = case.split()[1]
        if (context.models / model / "model.onnx").exists():
            jobs.append(command_job("bench", case, 8, [
                context.python, script, context.adze, context.models, case]))
        else:
            jobs.append(Job("bench", case, 1, lambda case=case: [
                Result(case, SKIPPED, f"no model in {context.models}")]))
    if (context.models / "mlperf_tiny").exists():
        jobs.append(command_job("bench", "deviations from MISRA C:2012", 15, [
            context.python, ROOT / "test/bench/misra.py", context.adze, context.models]))
    jobs.append(command_job("bench", "choice of schedules", 30, [
        context.python, ROOT / "test/bench/choice.py",
        context.build / "test/kernels/adze-kernel-check", "--recount", "ad01"]))
    return jobs


def kernel_jobs(context):
    """Generated kernels against the integer-exact reference."""
    check = context.build / "test/kernels/adze-kernel-check"
    page = ROOT / "docs/reference/kernels.md"
    jobs = [command_job("kernels", "docs/reference/kernels.md is what --list prints", 1, [
        "bash", "-c", f"diff <({check} --list) {page}"])]
    for chip, compilers in KERNEL_CHIPS.items():
        for compiler in compilers:
            number = 400 if context.all else 10
            jobs.append(command_job("kernels", f"random shapes on {chip}, {compiler}", 30, [
                check, "--chip", chip, "--compiler", compiler, "--random", number, "--all",
                "--seed", 1000]))
            for model in ("resnet8", "kws", "vww", "ad01") if context.all else ():
                jobs.append(command_job("kernels", f"all schedules of {model} on {chip}, {compiler}",
                                        60, [check, "--chip", chip, "--compiler", compiler,
                                             "--model", model, "--all"]))
        number = 400 if context.all else 10
        jobs.append(command_job("kernels", f"plain C of {chip} under sanitizers", 30, [
            check, "--chip", chip, "--host", "--random", number, "--all", "--seed", 2000]))
    return jobs


# The chips whose families differ, and their compilers.
KERNEL_CHIPS = {"cortex-m4": ("gcc", "clang"), "cortex-m55": ("clang",), "rv64gcv": ("clang",),
                "rv32imac": ("gcc",), "cortex-m0": ("gcc",)}


def quantize_jobs(context):
    """What adze quantize writes, judged by onnxruntime."""
    here = ROOT / "test/quantize"
    jobs = [command_job("quantize", "digits in int8", 15,
                        [context.python, here / "digits.py", context.adze,
                         ROOT / "test/models/digits", "--work", context.work])]
    for name in ("ad01", "kws", "resnet8", "vww"):
        title = f"mlperf_tiny/{name} in int8"
        if not (context.models / f"mlperf_tiny/{name}_golden.npz").exists():
            jobs.append(Job("quantize", title, 1, lambda title=title: [
                Result(title, SKIPPED, f"no models in {context.models}")]))
            continue
        jobs.append(command_job("quantize", title, 20,
                                [context.python, here / "mlperf_tiny.py", context.adze,
                                 context.models, name, "--work", context.work]))
    return jobs


# Whole models in the simulator, and under how many orders of warps.
GPU_MODELS = {"mlperf_tiny/ad01_float32": 5, "mlperf_tiny/kws_float32": 5,
              "mlperf_tiny/resnet8_float32": 1, "mlperf_tiny/vww_float32": 5,
              "micro_kws_fp32": 5, "mnist_cntk": 5, "superres_core": 1, "ultraface_rfb320": 1}
GPU_SHAPES = {"superres_core": "1x1x32x32"}


def gpu_jobs(context):
    """Kernels of NVIDIA's GPUs: through ptxas and, without a GPU, in ptxsim."""
    here = ROOT / "test/gpu"
    sys.path.insert(0, str(here))
    import gpu_tools  # (its folder is no package)

    try:
        folders = {os.path.dirname(gpu_tools.find(tool))
                   for tool in ("ptxas", "nvdisasm", "cuobjdump")}
        gpu_tools.simulator(context.adze)
    except gpu_tools.MissingTool as missing:
        return [Job("gpu", "tools for GPUs", 1, lambda text=str(missing): [
            Result("tools for GPUs", FAILED, text)])]
    environment = dict(os.environ, PATH=os.pathsep.join([*folders, os.environ["PATH"]]))
    jobs = [google_tests(context, "gpu", name, 5, context.build / "test/ptxsim" / name)
            for name in ("adze-ptxsim-parts-tests", "adze-ptxsim-kernel-tests")]
    for script, arguments, cost in GPU_SCRIPTS:
        if (here / script).exists():
            words = [word.format(adze=context.adze, build=context.build) for word in arguments]
            jobs.append(command_job("gpu", " ".join([script, *arguments[2:]]), cost, [
                context.python, here / script, *words], env=environment))
    packed = context.work / "gpu-bench"
    bench = ROOT / "test/bench/gpu/pack"
    jobs.append(command_job("gpu", "the folder of the GPU bench", 30, [
        "bash", "-c", f"rm -rf {packed} && {context.python} {bench} {context.adze} {packed} --small"
        f" && {context.python} {packed}/run.py {packed} --sim"],
        env=dict(environment, ADZE_CUDA_DRIVER=str(gpu_tools.simulator(context.adze)))))
    for name, seeds in GPU_MODELS.items():
        if not (context.models / name / "model.onnx").exists():
            jobs.append(Job("gpu", f"{name} on cuda:sm_90a", 1, lambda name=name: [
                Result(f"{name} on cuda:sm_90a", SKIPPED, f"no models in {context.models}")]))
            continue
        command = [context.python, here / "whole_models.py", context.adze,
                   context.models / name / "model.onnx", "--io", context.models / name / "io.npz",
                   "--seeds", seeds, "--work", context.work]
        if name in GPU_SHAPES:
            command += ["--reference-shape", GPU_SHAPES[name]]
        jobs.append(command_job("gpu", f"{name} on cuda:sm_90a", 30, command))
    model = context.models / "mlperf_tiny/ad01_float32"
    if (model / "model.onnx").exists():
        jobs.append(command_job("gpu", "ad01_float32 on cuda:sm_80,sm_90a", 20, [
            context.python, here / "whole_models.py", context.adze, model / "model.onnx", "--io",
            model / "io.npz", "--target", "cuda:sm_80,sm_90a", "--work", context.work]))
    return jobs


# Scripts of test/gpu, their arguments, and about their seconds.
GPU_SCRIPTS = [("host_program.py", ["{adze}"], 20), ("planted_bugs.py", ["{adze}"], 30),
               ("gemm_cases.py", ["--build", "{build}", "--chip", "sm_90a"], 180),
               ("gemm_cases.py", ["--build", "{build}", "--chip", "sm_80"], 180),
               ("sass.py", ["{adze}"], 20), ("tcgen05.py", ["{adze}"], 20)]


def docs_jobs(context):
    """Generated pages are what their generators write."""
    return [command_job("docs", "generated pages", 3,
                        [ROOT / "tools/docs", "--check"])]


def demo_jobs(context):
    """The digits on the host and on a Cortex-M4."""
    return [command_job("demo", "digits on host and Cortex-M4", 10,
                        [context.python, ROOT / "test/demo/demo.py", "--json",
                         "--build", context.build])]


GROUPS = {
    "unit": unit_jobs,
    "runtime": runtime_jobs,
    "mcu": mcu_jobs,
    "lit": lit_jobs,
    "import": import_jobs,
    "conformance": conformance_jobs,
    "models": models.verify_jobs,
    "generated-c": models.generated_c_jobs,
    "quantized": models.quantized_jobs,
    "kernels": kernel_jobs,
    "bench": bench_jobs,
    "quantize": quantize_jobs,
    "gpu": gpu_jobs,
    "docs": docs_jobs,
    "demo": demo_jobs,
}


class Printer:
    def __init__(self):
        self.terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.colours = {PASSED: "32", FAILED: "31", SKIPPED: "33"}

    def status(self, status, text):
        return f"\033[{self.colours[status]}m{text}\033[0m" if self.terminal else text

    def job(self, job, results, seconds):
        counts = collections.Counter(result.status for result in results)
        worst = next((s for s in (FAILED, PASSED) if counts[s]), SKIPPED)
        numbers = ", ".join(f"{counts[s]} {s}" for s in (PASSED, FAILED, SKIPPED) if counts[s])
        print(f"{self.status(worst, f'{worst:8}')}{job.group:12} {job.name:44} "
              f"{seconds:7.1f} s  {numbers}", flush=True)

    def failure(self, group, result):
        print(f"\n{self.status(FAILED, 'FAILED')} {group}: {result.name}")
        lines = result.detail.strip().splitlines()
        for line in lines[-40:]:
            print(f"    {line}")


def run_job(job):
    started = time.monotonic()
    try:
        results = job.run()
    except Exception:  # a mistake in a test must not end the others
        results = [Result(job.name, FAILED, traceback.format_exc())]
    return results, time.monotonic() - started


def main():
    parser = argparse.ArgumentParser(description="Runs the tests of adze.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--only", action="append", choices=list(GROUPS), metavar="GROUP",
                        help="only this group; may be given several times: " + ", ".join(GROUPS))
    parser.add_argument("--all", action="store_true", help="also what takes longer")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="jobs at a time")
    parser.add_argument("--list", action="store_true", help="list the groups and their jobs")
    options = parser.parse_args()

    context, printer = Context(options), Printer()
    jobs = [job for name in options.only or GROUPS for job in GROUPS[name](context)]
    jobs.sort(key=lambda job: -job.cost)
    if options.list:
        for job in sorted(jobs, key=lambda job: (list(GROUPS).index(job.group), job.name)):
            print(f"{job.group:12} {job.name}")
        return 0

    started = time.monotonic()
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(max(options.jobs, 1)) as pool:
        running = {pool.submit(run_job, job): job for job in jobs}
        for future in concurrent.futures.as_completed(running):
            results, seconds = future.result()
            outcomes += [(running[future].group, result) for result in results]
            printer.job(running[future], results, seconds)

    report = [{"group": group, "name": r.name, "status": r.status, "seconds": round(r.seconds, 3),
               "detail": r.detail} for group, r in outcomes]
    (context.work / "results.json").write_text(json.dumps(report, indent=1) + "\n")

    skips = collections.Counter(f"{group}: {result.detail.splitlines()[0] if result.detail else result.name}"
                                for group, result in outcomes if result.status == SKIPPED)
    for reason, number in skips.items():
        print(f"{printer.status(SKIPPED, 'skipped')} {number} of {reason}")
    for group, result in outcomes:
        if result.status == FAILED:
            printer.failure(group, result)
    counts = collections.Counter(result.status for _, result in outcomes)
    print(f"\n{time.monotonic() - started:.0f} s; every result is in "
          f"{context.work / 'results.json'}")
    print(f"{counts[PASSED]} passed, {counts[FAILED]} failed, {counts[SKIPPED]} skipped")
    return 1 if counts[FAILED] or not counts[PASSED] else 0


if __name__ == "__main__":
    sys.exit(main())
