"""Verilator: the exported Verilog as C++, compiled once."""

from pathlib import Path

from bittrue.hdl.machine import Machine
from bittrue.hdl.netlist import to_verilog
from bittrue.hdl.network import Network
from bittrue.model.build import built, compiler_identity, find_compiler, run_tool, taken_by

from . import tools
from .compile import flags
from .dut import dut_source, package_text
from .fingerprint import code_fingerprint

OPTIONS = ("--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert", "-Wno-lint")
RUNTIME = ("verilated", "verilated_threads")

PROLOGUE = """
#include "Vnetwork.h"
#include "verilated.h"
#include <cstdint>
template <class Port> static inline void put(Port &port, const uint64_t *words) {
    port = (Port)words[0];
}
template <std::size_t N> static inline void put(VlWide<N> &port, const uint64_t *words) {
    for (std::size_t n = 0; n < N; n++) port[n] = (uint32_t)(words[n / 2] >> n % 2 * 32);
}
template <class Port> static inline void get(const Port &port, uint64_t *words) {
    words[0] = (uint64_t)port;
}
template <std::size_t N> static inline void get(const VlWide<N> &port, uint64_t *words) {
    for (std::size_t n = 0; n < N; n += 2)
        words[n / 2] = port[n] | (n + 1 < N ? (uint64_t)port[n + 1] << 32 : 0);
}
"""

BODY = """
VerilatedContext context;
Vnetwork top{&context};
void settle() { top.eval(); }
void edge() {
    top.clk = 1;
    top.eval();
    top.clk = 0;
}
"""


def mangled(port: str) -> str:
    """Return how Verilator spells a port."""
    return port.replace("__", "___05F")


def verilator_library(machine: Machine) -> Path:
    """Return a machine's library, built with Verilator from the Verilog that is exported.

    Parameters
    ----------
    machine : Machine
        What is built.

    Raises
    ------
    ToolMissing
        If there is no Verilator or no C++ compiler.
    BittrueError
        If one of them fails.
    """
    program, root = tools.verilator()
    compiler = find_compiler("c++")
    options = taken_by(compiler, flags())
    options += [f"-I{root / 'include'}", f"-I{root / 'include' / 'vltstd'}"]
    version = run_tool([program, "--version"], VERILATOR_ROOT=str(root))
    sources = {
        "dut.cc": dut_source(machine, PROLOGUE, BODY, mangled),
        "driver.h": package_text("driver.h"),
    }
    common = [version, *options, compiler_identity(tuple(compiler))]

    def make_runtime(folder: Path) -> None:
        units = [str(root / "include" / f"{name}.cpp") for name in RUNTIME]
        run_tool([*compiler, *options, "-c", *units], folder)

    def make(folder: Path) -> None:
        (folder / "network.v").write_text(to_verilog(Network(machine), "network"), encoding="utf-8")
        for name, text in sources.items():
            (folder / name).write_text(text, encoding="utf-8")
        words = [program, *OPTIONS, "--top-module", "network", "--Mdir", ".", "network.v"]
        run_tool(words, folder, VERILATOR_ROOT=str(root))
        runtime = built("verilated", common, make_runtime)
        units = sorted(path.name for path in folder.glob("Vnetwork*.cpp"))
        objects = [str(runtime / f"{name}.o") for name in RUNTIME]
        words = [*compiler, *options, "-shared", "-I.", "dut.cc", *units, *objects]
        run_tool([*words, "-pthread", "-o", "dut.so"], folder)

    parts = [machine.digest, code_fingerprint(), *OPTIONS, *sources.values(), *common]
    return built("verilator", parts, make) / "dut.so"
