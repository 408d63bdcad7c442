"""``bittrue synth``: its table, its JSON, and what it refuses. No tool runs here."""

import json

import pytest
import typer
from designs import drawn_design

from bittrue.flow import cli, synth
from bittrue.flow.config import Settings
from bittrue.flow.designs import made_design
from bittrue.flow.estimate import estimate
from bittrue.flow.mapped import Resources, Step, Timing
from bittrue.flow.synthesis import Synthesis
from bittrue.hdl import timing
from bittrue.hdl.machine import Machine
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError, ToolMissing
from bittrue.sim import testbench

PATH = (Step("layer 0, neuron 0", 1.5), Step("layer 0, neuron 0, mac", 4.25))


@pytest.fixture
def calls(monkeypatch):
    """Return what was asked of `synthesize`, which here answers at once."""
    asked = []

    def answer(source, target, *, seeds, dsp, timeout, note, told):
        asked.append((source.top, target, list(seeds), dsp, timeout))
        note("it takes long")
        told(1, 2, "half")
        cells = {"LUT4": 650}
        timing = Timing(169.2, dict.fromkeys(seeds, 169.2), "layer_0.a", "layer_0.b", PATH)
        return Synthesis(
            target,
            {"yosys": "synth_it"},
            ["tool 1"],
            Resources(650, 1023, 3, 0.5, 210, 64, cells),
            timing if seeds else None,
        )

    monkeypatch.setattr(synth, "synthesize", answer)
    monkeypatch.setattr(cli, "app", _app())
    return asked


def _app():
    """Return a command line of one command."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(synth.synth)
    app.callback()(lambda: None)
    return app


def test_default(run, calls):
    code, out, err = run("synth")
    assert code == 0
    assert calls == [("network", "ecp5", [1], True, None)]
    assert "3-3-3: PE [1, 1], SIMD [1, 1], counters overflow, trace off" in out
    assert "Fmax 169.2 MHz, the median of 169.2 (seed 1)" in out
    assert "  4.25 ns  layer 0, neuron 0, mac" in out
    assert "critical path from layer_0.a to layer_0.b" in out
    assert err == "bittrue: note: it takes long\n"


def test_json(run, calls):
    words = ("--target", "ecp5,ice40,ecp5", "--seeds", "3", "--no-dsp", "--timeout", "60", "--json")
    code, out, _ = run("synth", *words, "--pe", "3", "--simd", "1,3", "--trace")
    tree = json.loads(out)
    assert (code, tree["schema"], tree["part"]) == (0, "bittrue.synth/1", "network")
    assert calls == [("network", name, [1, 2, 3], False, 60) for name in ("ecp5", "ice40")]
    assert [found["target"] for found in tree["targets"]] == ["ecp5", "ice40"]
    assert tree["targets"][0]["resources"]["lut"] == 650
    assert tree["targets"][0]["timing"]["seeds"] == {"1": 169.2, "2": 169.2, "3": 169.2}
    assert tree["targets"][0]["timing"]["path"][1] == {
        "component": "layer 0, neuron 0, mac",
        "delay": 4.25,
    }
    machine = tree["machine"]
    assert (machine["pe"], machine["simd"], machine["trace"]) == ([3, 3], [1, 3], True)
    assert machine["counters"] == "overflow"


def test_saved_design_and_its_curve(run, calls, tmp_path):
    design = drawn_design(0, (4, 2))
    design.save(tmp_path / "saved.json")
    words = ("--design", "saved.json", "--part", "curve", "--no-place")
    code, out, _ = run("synth", *words, "-o", "report.txt")
    assert (code, out) == (0, "")
    assert calls == [("curve_alone", "ecp5", [], True, None)]
    text = (tmp_path / "report.txt").read_text()
    assert f"design {Design.load(tmp_path / 'saved.json').digest[:12]}, 4-2: the curve of" in text
    assert "650" in text
    assert "median" not in text


def test_estimate(run, calls):
    words = ("--estimate", "--pe", "3", "--simd", "1,3", "--counters", "full")
    code, out, err = run("synth", *words)
    assert (code, err, calls) == (0, "", [])
    assert "3-3-3: PE [3, 3], SIMD [1, 3], counters full, trace off" in out
    assert "latency and interval in cycles are exact" in out
    code, out, _ = run("synth", *words, "--json")
    tree = json.loads(out)
    assert (code, tree["schema"]) == (0, "bittrue.estimate/1")
    shape = made_design(Settings(), testbench.train_333(0))[0].shape
    machine = Machine(shape, 3, (1, 3), counters="full")
    assert tree["estimates"] == [estimate(machine).to_json()]
    assert tree["machine"]["digest"] == machine.digest
    assert tree["estimates"][0]["latency"] == timing.network(machine)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--target", "gowin"), "the target must be one of ecp5, ice40, xilinx, got 'gowin'"),
        (("--target", "ecp5,"), "the target must be one of ecp5, ice40, xilinx, got ''"),
        (("--part", "half"), "the part must be one of network, curve, got 'half'"),
        (("--part", "curve", "--layer", "2"), "the layer must be 0 to 1, got 2"),
        (("--counters", "some"), "counters must be one of none, overflow, full, got 'some'"),
        (("--design", "a.json", "--network", "b.npz"), "a network or a design must be given, got"),
        (("--estimate", "--part", "curve"), "an estimate must be of a network with hard multip"),
        (("--estimate", "--no-dsp"), "an estimate must be of a network with hard multipliers, got"),
        (("--estimate", "--target", "ice40"), "the target of an estimate must be one of ecp5, got"),
        (("--pe", "x"), "pe must be an integer, or one a layer as in 2,1, got 'x'"),
        (("-o", "no/such/file"), "--output must lie in a folder that can be written"),
    ],
)
def test_bad_input(run, calls, words, message):
    code, out, err = run("synth", *words)
    assert (code, out, calls) == (2, "", [])
    assert err.startswith(f"bittrue: {message}")


@pytest.mark.parametrize(("error", "expected"), [(ToolMissing, 3), (BittrueError, 2)])
def test_tools_that_fail(run, calls, monkeypatch, error, expected):
    def fail(*_, **__):
        raise error("yosys must be there, got none")

    monkeypatch.setattr(synth, "synthesize", fail)
    code, out, err = run("synth", "-o", "report.txt")
    assert (code, out, err) == (expected, "", "bittrue: yosys must be there, got none\n")
