"""What is compiled is found again, and the cache holds whole builds only."""

import ctypes
import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bittrue.model import build
from bittrue.model.build import built, cache_folder, find_compiler, run_tool, shared_library
from bittrue.model.exceptions import BittrueError, ToolMissing

SOURCE = {"more.c": '#include "more.h"\nint more(int n) { return n + STEP; }\n'}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Return a cache of the test's own."""
    monkeypatch.setenv("BITTRUE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def library(step=1, **options):
    return shared_library("more", {**SOURCE, "more.h": f"#define STEP {step}\n"}, **options)


@pytest.mark.needs("cc")
def test_compiled_once_for_each_content(cache):
    first = library()
    assert ctypes.CDLL(str(first)).more(41) == 42
    changed = first.stat().st_mtime_ns
    assert library() == first and first.stat().st_mtime_ns == changed
    others = {library(2), library(flags=["-O1"]), library(language="c")}
    assert first in others and len(others) == 3
    assert len(list(cache.iterdir())) == 3


@pytest.mark.needs("cc")
def test_a_compiler_that_fails_shows_its_last_lines(cache):
    broken = {"wrong.c": "int wrong(void) { return nothing; }\n"}
    with pytest.raises(BittrueError, match=r"(?s)must end with exit code 0, got 1; .*nothing"):
        shared_library("wrong", broken)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(("language", "variable"), [("c", "CC"), ("c++", "CXX")])
def test_a_missing_compiler_is_named(language, variable, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(variable, raising=False)
    message = f"a compiler of {language.upper()} must be on the path, got none of "
    with pytest.raises(ToolMissing, match=f"^{re.escape(message)}"):
        find_compiler(language)
    monkeypatch.setenv(variable, "mycc -m64")
    with pytest.raises(ToolMissing, match=f"^{re.escape(message)}mycc: install one"):
        find_compiler(language)


def test_the_compiler_is_named_by_its_variable(monkeypatch):
    monkeypatch.setenv("CC", f"{sys.executable} -I")
    assert find_compiler("c") == [sys.executable, "-I"]


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), BittrueError("no"), OSError(28, "full")])
def test_nothing_half_made_is_left(raised, cache):
    def make(folder):
        (folder / "half").write_text("half")
        raise raised

    expected = BittrueError if isinstance(raised, OSError) else type(raised)
    with pytest.raises(expected):
        built("kind", ["a"], make)
    assert list(cache.iterdir()) == []


def test_a_full_disk_is_told_with_the_place(cache):
    def make(folder):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    message = f"builds must be written to {cache} ($BITTRUE_CACHE names another place), got: "
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}No space left on device$"):
        built("kind", ["a"], make)


def test_a_cache_that_is_no_folder_is_refused(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BITTRUE_CACHE", str(tmp_path / "file"))
    with pytest.raises(BittrueError, match=r"^builds must be written to .*, got: "):
        built("kind", ["a"], lambda folder: None)


def test_two_that_build_the_same_end_with_one(cache):
    def make(folder):
        if not any(path.name.startswith("kind-") for path in cache.iterdir()):
            built("kind", ["a"], lambda other: (other / "x").write_text("first"))
        (folder / "x").write_text("second")

    assert (built("kind", ["a"], make) / "x").read_text() == "first"
    assert [path.name for path in cache.iterdir()] == [built("kind", ["a"], make).name]


def test_where_the_cache_is(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("BITTRUE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "bittrue"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "bittrue"


def test_run_tool_shows_the_last_lines_only():
    script = "for n in range(99): print('line', n)\nraise SystemExit(7)"
    with pytest.raises(BittrueError, match="exit code 0, got 7") as failed:
        run_tool([sys.executable, "-c", script])
    lines = str(failed.value).splitlines()
    assert lines[1:] == [f"line {n}" for n in range(99 - build.SHOWN_LINES, 99)]


INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from bittrue.flow.cli import main
main()
"""
"""The command line, also where tests run in the background of a shell, which ignores Ctrl-C."""


@pytest.mark.needs("cc")
def test_interrupted_in_mid_build_ends_with_130_and_a_whole_cache(cache, tmp_path):
    """Ctrl-C while a machine is built: exit code 130, nothing half-built, no file written."""
    words = ("verify", "--queries", "3", "--engine", "cxxrtl", "-o", "report.txt")
    slow = tmp_path / "slow-cc"
    slow.write_text('#!/bin/sh\ncase "$*" in *version*|*-dM*) exec c++ "$@";; esac\nsleep 60\n')
    slow.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *words],
        cwd=tmp_path,
        env={**os.environ, "CXX": str(slow)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 45
    while not list(cache.glob(".*/model.cc")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    assert (process.returncode, out) == (130, "")
    assert "seed 0" in err
    assert not (tmp_path / "report.txt").exists()
    assert [path.name for path in cache.glob(".*")] == []
