"""Resources of a sweep's points: estimated or synthesised, and what becomes of tools that fail."""

import pytest

from bittrue.flow import sweep_hardware
from bittrue.flow.data import load
from bittrue.flow.estimate import estimate
from bittrue.flow.mapped import Resources, Step, Timing
from bittrue.flow.pareto import choice
from bittrue.flow.points import Bench, Task, measure
from bittrue.flow.space import space_of
from bittrue.flow.sweep_hardware import Hardware
from bittrue.flow.synthesis import Synthesis
from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError, ToolMissing
from bittrue.model.golden import GoldenNetwork

SYNTHESIS = Hardware("synthesis", 60.0, "overflow", place=True)


def task(hardware=None):
    golden = GoldenNetwork(64, [5], 10, 0.2, 1)
    return Task.of(golden, "digits", load("digits"), 400, "1", hardware)


@pytest.fixture
def calls(monkeypatch):
    """Return what was asked of the tools, which here answer at once, or fail for ice40."""
    asked = []

    def answer(source, target, *, seeds, timeout):
        asked.append((target, seeds, timeout))
        if target == "ice40":
            raise BittrueError("yosys must end within 60 s, got no end; its last lines:\nABC\n")
        timing = Timing(170.5, {1: 170.5}, "a", "b", (Step("mac", 1.0),)) if seeds else None
        return Synthesis(target, {}, ["tool 1"], Resources(650, 1023, 3, 0.5, 210, 64), timing)

    monkeypatch.setattr(sweep_hardware, "synthesize", answer)
    monkeypatch.setattr(sweep_hardware, "tool_version", lambda tool: f"{tool} 1")
    return asked


def test_estimates_are_those_of_the_machine():
    bench = Bench(task(Hardware(counters="full")))
    point = {"width": 7, "curve": "plan", "format": "fxp-s8/4", "pe": [5, 2], "simd": 2}
    row = bench.row(point)
    machine = Machine(bench.design(point).shape, pe=(5, 2), simd=2, counters="full")
    found = estimate(machine)
    for name in ("lut", "ff", "dsp", "bram", "fmax", "latency", "interval"):
        assert row.figures[name] == getattr(found, name)
    without = Bench(task()).row(point)
    assert without.figures["lut"] < row.figures["lut"]
    assert without.key != row.key


def test_synthesis_gives_figures_and_failures_are_rows(calls):
    points = [{"format": "fxp-s8/4", "target": target} for target in ("ecp5", "ice40")]
    made, failed = measure(task(SYNTHESIS), points)
    assert calls == [("ecp5", (1,), 60.0), ("ice40", (1,), 60.0)]
    taken = {name: made.figures[name] for name in ("lut", "ff", "dsp", "bram", "fmax")}
    assert taken == {"lut": 650, "ff": 1023, "dsp": 3, "bram": 0.5, "fmax": 170.5}
    assert failed.reason == "yosys must end within 60 s, got no end; its last lines: ABC"
    assert (failed.design, failed.figures) == (None, {})
    (unplaced,) = measure(task(Hardware("synthesis")), points[:1])
    assert calls[-1] == ("ecp5", (), None)
    assert "fmax" not in unplaced.figures
    assert unplaced.key != made.key


def test_a_missing_tool_is_no_fault_of_a_point(calls, monkeypatch):
    def missing(*_, **__):
        raise ToolMissing("yosys must be installed, got none")

    monkeypatch.setattr(sweep_hardware, "synthesize", missing)
    with pytest.raises(ToolMissing, match=r"^yosys must be installed, got none$"):
        measure(task(SYNTHESIS), [{"format": "fxp-s8/4"}])
    monkeypatch.setattr(sweep_hardware, "tool_version", missing)
    with pytest.raises(ToolMissing, match=r"^yosys must be installed, got none$"):
        task(SYNTHESIS).key({"format": "fxp-s8/4"})


def test_the_smallest_that_is_good_and_fast_enough_is_chosen():
    axes = {"width": [5, 8], "pe": [1, 5], "curve": "fit", "segments": 4}
    space = space_of(
        {
            "network": {"data": "digits", "layers": [64, 10]},
            "space": axes,
            "objectives": ["agreement", "lut"],
            "choose": "lut",
            "constraints": {"agreement": ">= 0.5", "fmax": ">= 100", "latency": "<= 200"},
        }
    )
    rows, bounds = measure(task(), list(space.grid())), space.constraints
    chosen = choice(rows, space)
    luts = {row.key: row.figures["lut"] for row in rows}
    meeting = [row for row in rows if all(bound.met_by(row.figures) for bound in bounds)]
    assert 0 < len(meeting) < len(rows)
    assert luts[chosen.key] == min(luts[row.key] for row in meeting) > min(luts.values())
