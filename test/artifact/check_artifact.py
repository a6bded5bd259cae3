#!/usr/bin/env python3
# Part of adze, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes artifacts of a loops module and looks at the folders.

usage: check_artifact.py MODULE FOLDER
"""
import html.parser
import json
import pathlib
import shutil
import subprocess
import sys

WARNINGS = ("-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion "
            "-Wshadow -Werror").split()
module, work = sys.argv[1], pathlib.Path(sys.argv[2])
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)


def translate(folder, *options):
    return subprocess.run(["adze-translate", module, "--artifact=%s" % folder, *options],
                          capture_output=True, text=True)


def content(folder):
    return {str(p.relative_to(folder)): p.read_bytes()
            for p in sorted(folder.rglob("*")) if p.is_file()}


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def written_completely_and_listed():
    folder = work / "deep" / "er" / "demo"
    done = translate(folder)
    assert done.returncode == 0, done.stderr
    metadata = json.loads((folder / "demo.json").read_text())
    assert metadata["generator"] == "adze"
    assert sorted(metadata["files"]) == sorted(content(folder)) == sorted(done.stdout.split())
    assert metadata["inputs"][0]["name"] == "image:0"
    assert metadata["inputs"][0]["shape"] == [1, 8, 8, 3]
    assert metadata["arena_bytes"] == 4096
    assert [p.name for p in folder.parent.iterdir()] == ["demo"], "a temporary folder is left"
    return folder


def same_bytes_in_another_folder(first):
    second = work / "other"
    assert translate(second).returncode == 0
    assert content(first) == content(second)
    assert not any(str(work).encode() in data for data in content(second).values())


def builds_and_runs(folder):
    for compiler in ("gcc", "clang"):
        program = work / compiler
        run(compiler, *WARNINGS, "-fsanitize=address,undefined", *sorted(folder.glob("*.c")),
            "-o", program, "-lm")
        lines = run(program).splitlines()
        assert lines[0].startswith("out: 0.1 1e-08 3 4.5 inf nan 0 "), lines[0]
        assert lines[1].startswith("class1: 1 1 "), lines[1]
        assert lines[2:] == ["label: -9223372036854775808 249", "byte: 249"], lines[2:]
    build = work / "cmake"
    run("cmake", "-S", folder, "-B", build)
    run("cmake", "--build", build)
    assert run(build / "demo_example").splitlines() == lines
    (work / "short.bin").write_bytes(b"1234")
    done = subprocess.run([build / "demo_example", work / "short.bin"], capture_output=True,
                          text=True)
    assert done.returncode == 1 and "expected a file of 768 bytes" in done.stderr


def header_is_cplusplus(folder):
    source = work / "user.cpp"
    source.write_text('#include "demo.h"\nint main() { return demo_arena_size() == 0; }\n')
    run("g++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", folder, "-c",
        source, "-o", work / "user.o")


def report_is_self_contained(folder):
    text = (folder / "report.html").read_text()
    assert "model &lt;1&gt;.onnx" in text and "<1>" not in text
    assert "http" not in text and "<script" not in text
    open_tags = []

    class Checker(html.parser.HTMLParser):
        def handle_starttag(self, tag, attributes):
            if tag not in ("meta", "br", "line", "rect"):
                open_tags.append(tag)

        def handle_startendtag(self, tag, attributes):
            pass

        def handle_endtag(self, tag):
            assert open_tags and open_tags[-1] == tag, (open_tags, tag, self.getpos())
            open_tags.pop()

    Checker().feed(text)
    assert open_tags == [], open_tags


def own_folder_is_replaced_and_other_files_stay():
    folder = work / "again"
    assert translate(folder).returncode == 0
    (folder / "notes.txt").write_text("mine")
    (folder / "build").mkdir()
    (folder / "build" / "object.o").write_text("mine too")
    (folder / "demo.c").write_text("old")
    assert translate(folder).returncode == 0
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "build" / "object.o").read_text() == "mine too"
    assert "demo_run" in (folder / "demo.c").read_text()


def foreign_folder_is_refused():
    folder = work / "foreign"
    folder.mkdir()
    (folder / "demo.json").write_text('{"generator": "somebody"}')
    (folder / "main.c").write_text("mine")
    before = content(folder)
    done = translate(folder)
    assert done.returncode == 1 and "adze did not write it" in done.stderr, done.stderr
    assert "--force" in done.stderr
    assert content(folder) == before
    assert translate(folder, "--force").returncode == 0
    assert "demo_run" in (folder / "main.c").read_text()


def file_of_the_user_is_not_overwritten():
    folder = work / "mixed"
    assert translate(folder).returncode == 0
    metadata = json.loads((folder / "demo.json").read_text())
    metadata["files"].remove("main.c")  # as if an older adze had written less
    (folder / "demo.json").write_text(json.dumps(metadata))
    done = translate(folder)
    assert done.returncode == 1 and "main.c" in done.stderr, done.stderr


def failure_leaves_nothing():
    (work / "file").write_text("a file")
    for target in (work / "file", work / "file" / "below"):
        done = translate(target)
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert (work / "file").read_text() == "a file"
    assert not [p for p in work.iterdir() if ".adze-" in p.name]


def large_weights_become_a_binary():
    folder = work / "binary"
    assert translate(folder, "--max-array-bytes=1000").returncode == 0
    metadata = json.loads((folder / "demo.json").read_text())
    assert metadata["weights_file"]["name"] == "demo_weights.bin"
    assert (folder / "demo_weights.bin").stat().st_size == metadata["weights_file"]["bytes"]
    assert not list(folder.glob("*_weights*.c"))
    program = work / "with_binary"
    run("gcc", *WARNINGS, "-fsanitize=address,undefined", *sorted(folder.glob("*.c")), "-o",
        program, "-lm")
    arrays = run(work / "gcc")
    assert run(program, folder / "demo_weights.bin") == arrays
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 1 and "usage" in done.stderr


def many_weights_get_several_files():
    folder = work / "split"
    assert translate(folder, "--weights-file-bytes=2000").returncode == 0
    assert sorted(p.name for p in folder.glob("*_weights*.c")) == [
        "demo_weights.c", "demo_weights_1.c"]
    run("gcc", *WARNINGS, *sorted(folder.glob("*.c")), "-o", work / "split_program", "-lm")
    assert run(work / "split_program") == run(work / "gcc")


first = written_completely_and_listed()
same_bytes_in_another_folder(first)
builds_and_runs(first)
header_is_cplusplus(first)
report_is_self_contained(first)
own_folder_is_replaced_and_other_files_stay()
foreign_folder_is_refused()
file_of_the_user_is_not_overwritten()
failure_leaves_nothing()
large_weights_become_a_binary()
many_weights_get_several_files()
