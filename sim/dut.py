"""A machine's ports in C++: the ``Dut`` that ``driver.h`` asks for.

This is the seam between what drives and what is driven. ``driver.h`` knows a session's protocol,
and nothing of CXXRTL or Verilator; a ``Dut`` knows how one compiled model is clocked and how its
ports are spelled, and nothing of sessions; `bittrue.sim.words` takes apart what was seen, by the
machine's layouts alone. Another way to run a model needs a ``Dut`` and a builder of its own.
"""

from collections.abc import Callable
from importlib.resources import files

from bittrue.hdl.loader import load_layout
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import data_width_of, stages_of, trace_name
from bittrue.hdl.watch import counter_address, trace_layout

from .stimulus import beat_width, load_width, output_width
from .words import chunks_of

Mangle = Callable[[str], str]
"""From a port's name in the netlist to how C++ spells it, as ``top.`` member."""


def package_text(name: str) -> str:
    """Return a file that stands beside this one: ``driver.h``, ``lean.h`` or ``bench.v``."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def dut_source(machine: Machine, prologue: str, body: str, mangle: Mangle) -> str:
    """Return C++ that makes a compiled model a library with the functions of ``driver.h``.

    Parameters
    ----------
    machine : Machine
        What was compiled.
    prologue : str
        C++ that includes the model, and defines ``put(port, words)`` and ``get(port, words)`` for
        every type of port.
    body : str
        Members of ``Dut``: ``top``, ``settle()`` and ``edge()``.
    mangle : callable
        How C++ spells a port.
    """
    return "\n".join(
        [
            prologue,
            HELPERS,
            "struct Dut {",
            body,
            _members(machine, mangle),
            "};",
            '#include "driver.h"',
        ]
    )


HELPERS = """
#include <cstddef>
#include <cstdint>
template <class Port> static inline void put_number(Port &port, uint64_t number) {
    put(port, &number);
}
template <class Port> static inline uint64_t number(const Port &port) {
    uint64_t words[1];
    get(port, words);
    return words[0];
}
"""


def _members(machine: Machine, mangle: Mangle) -> str:
    """Return constants, inputs and what is seen."""
    strobes = strobe_ports(machine)
    constants = {
        "load_words": chunks_of(load_width(machine)),
        "beat_words": chunks_of(beat_width(machine)),
        "output_words": chunks_of(output_width(machine)),
        "last_bit": output_width(machine) - 1,
        "counts": count_total(machine),
        "strobes": len(strobes),
        "strobe_words": max([chunks_of(width) for _, width in strobes], default=1),
    }
    bits = {"hold": "hold", "offer": "i__valid", "take": "o__ready", "load": "load__valid"}
    bits["answer"] = "loaded__ready"
    payloads = {"beat": "i__payload", "request": "load__payload"}
    seen = {
        "idle": "idle",
        "framing_error": "framing_error",
        "accepts": "i__ready",
        "gives": "o__valid",
        "loads": "load__ready",
        "answers": "loaded__valid",
    }
    lines = [f"static constexpr std::size_t {name} = {n};" for name, n in constants.items()]
    for name, port in bits.items():
        lines.append(f"void {name}(bool bit) {{ put_number(top.{mangle(port)}, bit); }}")
    for name, port in payloads.items():
        lines.append(f"void {name}(const uint64_t *words) {{ put(top.{mangle(port)}, words); }}")
    for name, port in seen.items():
        lines.append(f"bool {name}() const {{ return number(top.{mangle(port)}); }}")
    payload = mangle("o__payload")
    lines.append(f"void output(uint64_t *words) const {{ get(top.{payload}, words); }}")
    answer, write = mangle("loaded__payload"), load_layout(data_width_of(machine))["write"].offset
    lines.append(f"uint64_t answer_word() const {{ return number(top.{answer}); }}")
    lines.append(
        f"static bool reads(const uint64_t *words) {{ return !(words[0] >> {write} & 1); }}"
    )
    return "\n".join([*lines, _count_members(machine, mangle), _strobe_member(strobes, mangle)])


def _count_members(machine: Machine, mangle: Mangle) -> str:
    if machine.counters == "none":
        return (
            "void count_address(uint64_t) {}\nvoid count_clear(bool) {}\n"
            "uint64_t count() const { return 0; }"
        )
    address, clear, count = (mangle(f"count{end}") for end in ("_address", "_clear", ""))
    return (
        f"void count_address(uint64_t n) {{ put_number(top.{address}, n); }}\n"
        f"void count_clear(bool bit) {{ put_number(top.{clear}, bit); }}\n"
        f"uint64_t count() const {{ return number(top.{count}); }}"
    )


def _strobe_member(strobes: list[tuple[str, int]], mangle: Mangle) -> str:
    """Return ``strobe``; a trace port's lowest bit is its ``valid``."""
    cases = []
    for number, (name, width) in enumerate(strobes):
        port = f"top.{mangle(name)}"
        cases.append(
            f"case {number}: get({port}, words); return words[0] & 1 ? {chunks_of(width)} : 0;"
        )
    body = "\n".join(["switch (n) {", *cases, "default: return 0;", "}"])
    return f"std::size_t strobe(std::size_t n, uint64_t *words) const {{ (void)words; {body} }}"


def strobe_ports(machine: Machine) -> list[tuple[str, int]]:
    """Return name and width of each trace port."""
    return [
        (trace_name(number, stage), int(trace_layout(format, folding).size))
        for number, stage, format, folding in (stages_of(machine) if machine.trace else ())
    ]


def count_total(machine: Machine) -> int:
    """Return how many counts are read, by address from 0 on."""
    if machine.counters == "none":
        return 0
    return counter_address(len(machine.parts) - 1, 1, 1) + 1
