import re
import sys

import pytest
from designs import drawn_design, drawn_session
from planted import plant_standstill

from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError, BittrueWarning
from bittrue.sim.compare import compare
from bittrue.sim.engines import fastest_engine, simulate
from bittrue.sim.record import Session

DESIGN = drawn_design(1, (3, 3, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"engine": "modelsim"},
            "engine must be one of amaranth, lanes, cxxrtl, verilator, icarus, got 'modelsim'",
        ),
        ({"stalls": 1.0}, "stalls must be a probability from 0 to below 1, got 1.0"),
        ({"stalls": -0.1}, "stalls must be a probability from 0 to below 1, got -0.1"),
        ({"jobs": 0}, "jobs must be at least 1, got 0"),
        (
            {"waves": "run.vcd", "engine": "cxxrtl"},
            "waves must be asked of one of amaranth, icarus, which record them, got 'cxxrtl'",
        ),
        ({"waves": "run.vcd", "jobs": 2}, "jobs must be 1 where waves are recorded, got 2"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        simulate(Machine(DESIGN.shape), [], **options)


def test_a_standstill_is_reported_after_bounded_idle_cycles(monkeypatch):
    """A buffer that never says it holds a sample: nothing comes out, and the run ends."""
    plant_standstill(monkeypatch)
    machine = Machine(DESIGN.shape, counters="full", trace=True)
    sessions = [drawn_session(2, DESIGN, 4), drawn_session(3, DESIGN, 4)]
    runs = simulate(machine, sessions)
    assert [run.stalled_at is not None for run in runs] == [True, True]
    assert runs[0].stalled_at < 1000
    verdict = compare(DESIGN, sessions[0], runs[0])
    assert verdict.missing == verdict.differing > 0


def test_samples_are_numbered_across_the_end_of_the_count():
    """The trace counts samples mod 2**16; a session may begin anywhere."""
    tiny = drawn_design(4, (1, 1))
    machine = Machine(tiny.shape, counters="full", trace=True)
    session = drawn_session(5, tiny, 700)
    runs = simulate(machine, [session, session])
    for run in runs:
        assert compare(tiny, session, run).differing == 0


def test_progress_and_waves(tmp_path):
    told = []
    machine = Machine(DESIGN.shape, trace=True)
    session = drawn_session(6, DESIGN, 3)
    simulate(
        machine,
        [session],
        waves=tmp_path / "run.vcd",
        progress=lambda *done: told.append(done),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert "$enddefinitions" in (tmp_path / "run.vcd").read_text()
    view = (tmp_path / "run.gtkw").read_text()
    assert "run.vcd" in view and "trace_0_accumulator" in view


def test_a_session_without_samples():
    (run,) = simulate(
        Machine(DESIGN.shape, counters="full", trace=True),
        [Session(DESIGN.weights, drawn_session(7, DESIGN, 1).codes[:0])],
    )
    assert len(run.outputs) == len(run.words) == 0


def test_the_fastest_engine_there_is(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in ("CC", "CXX"):
        monkeypatch.setenv(variable, sys.executable)
    assert fastest_engine() == "lanes"
    monkeypatch.delenv("CC")
    assert fastest_engine() == "cxxrtl"
    monkeypatch.delenv("CXX")
    message = r"^a compiler of C must be on the path, .*; Amaranth's simulator is used$"
    with pytest.warns(BittrueWarning, match=message):
        assert fastest_engine() == "amaranth"
