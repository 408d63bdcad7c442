"""Verilog of a component."""

from amaranth.back import verilog
from amaranth.lib.wiring import Component


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
    """
    return verilog.convert(component, name=name, strip_internal_attrs=True, emit_src=False)
