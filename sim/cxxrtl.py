"""CXXRTL: the netlist as C++, written by Yosys and compiled once.

One evaluation a cycle is enough: it works out, from the registers as they are and the inputs, both
what is seen at the coming edge and what the registers become; the commit is the edge. For that the
netlist must be free of feedback, which Yosys reports, and is refused here. The C++ is compiled
against ``lean.h``, which stands in for CXXRTL's own header.
"""

import warnings
from pathlib import Path

from amaranth._toolchain.yosys import YosysWarning
from amaranth.back import rtlil

from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network
from bittrue.model.build import built, compiler_identity, find_compiler, run_tool, taken_by
from bittrue.model.exceptions import BittrueError

from . import tools
from .compile import flags
from .dut import dut_source, package_text
from .fingerprint import code_fingerprint

OPTIMISE = ("flatten", "proc", *("opt_expr", "opt_clean -purge") * 2)
"""What Yosys does first: with constants folded no false feedback is left.

No ``opt_merge``: cells that share an output bit of a vector would make a wire depend on itself.
"""

REWRITES = (
    ("#include <cxxrtl/cxxrtl.h>", '#include "lean.h"'),
    (
        "bool posedge_p_clk = this->posedge_p_clk();",
        "constexpr bool posedge_p_clk = true; constexpr value<1> p_rst{0u};",
    ),
)
"""What is changed in Yosys's C++: its header; every evaluation is an edge, and none a reset."""

PROLOGUE = """
#include "model.cc"
template <size_t Bits> static inline void put(cxxrtl::value<Bits> &port, const uint64_t *words) {
    for (size_t n = 0; n < port.words; n++) port.put(n, words[n]);
}
template <size_t Bits> static inline void get(const cxxrtl::value<Bits> &port, uint64_t *words) {
    for (size_t n = 0; n < port.words; n++) words[n] = port.at(n);
}
template <size_t Bits> static inline void get(const cxxrtl::wire<Bits> &port, uint64_t *words) {
    get(port.curr, words);
}
"""

BODY = """
cxxrtl_design::p_network top;
void settle() { top.p_network::eval(nullptr); }
void edge() { top.p_network::commit(); }
"""


def mangled(port: str) -> str:
    """Return how CXXRTL spells a port."""
    return "p_" + port.replace("_", "__")


def cxxrtl_library(machine: Machine) -> Path:
    """Return a machine's library, built with CXXRTL.

    Parameters
    ----------
    machine : Machine
        What is built.

    Raises
    ------
    ToolMissing
        If there is no Yosys or no C++ compiler.
    BittrueError
        If one of them fails, or the netlist has feedback.
    """
    compiler, yosys = find_compiler("c++"), tools.yosys()
    options = taken_by(compiler, flags())
    sources = {
        "dut.cc": dut_source(machine, PROLOGUE, BODY, mangled),
        "driver.h": package_text("driver.h"),
        "lean.h": package_text("lean.h"),
    }

    def make(folder: Path) -> None:
        (folder / "model.cc").write_text(cxxrtl_source(machine), encoding="utf-8")
        for name, text in sources.items():
            (folder / name).write_text(text, encoding="utf-8")
        run_tool([*compiler, *options, "-shared", "dut.cc", "-o", "dut.so"], folder)

    parts = [machine.digest, code_fingerprint(), *OPTIMISE, repr(REWRITES), *sources.values()]
    parts += options
    parts += [str(yosys.version()), compiler_identity(tuple(compiler))]
    return built("cxxrtl", parts, make) / "dut.so"


def cxxrtl_source(machine: Machine) -> str:
    """Return a machine as CXXRTL's C++, its class ``cxxrtl_design::p_network``.

    Raises
    ------
    BittrueError
        If the netlist has feedback.
    """
    netlist = rtlil.convert(Network(machine), name="network", emit_src=False)
    script = [f"read_rtlil <<rtlil\n{netlist}\nrtlil", *OPTIMISE, "write_cxxrtl -O6 -g0"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", YosysWarning)
        source = str(tools.yosys().run(["-q", "-"], "\n".join(script)))
    for warning in caught:
        raise BittrueError(
            f"the netlist must be written by Yosys without warnings, got: {warning.message}"
        )
    for was, becomes in REWRITES:
        if source.count(was) != 1:
            raise BittrueError(f"Yosys must write {was!r} once, got it {source.count(was)} times")
        source = source.replace(was, becomes)
    return source
