"""Netlists on terms: cells, memories, and whole networks beside Amaranth's simulator."""

import operator
from random import Random

import pytest
from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib.data import ArrayLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out
from designs import drawn_design

from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network
from bittrue.model.exceptions import BittrueError
from bittrue.sim.bench import Bench
from bittrue.sim.cell_terms import MAKERS, Cell, term_of
from bittrue.sim.symbolic import SymbolicNetlist, netlist_of
from bittrue.sim.term_values import value_of, variables
from bittrue.sim.terms import Terms, mask
from bittrue.sim.terms import signed as read

TWO = {
    "$add": operator.add,
    "$sub": operator.sub,
    "$mul": operator.mul,
    "$and": operator.and_,
    "$or": operator.or_,
    "$xor": operator.xor,
    "$xnor": lambda a, b: ~(a ^ b),
    "$eq": operator.eq,
    "$ne": operator.ne,
    "$lt": operator.lt,
    "$le": operator.le,
    "$gt": operator.gt,
    "$ge": operator.ge,
    "$logic_and": lambda a, b: bool(a) and bool(b),
    "$logic_or": lambda a, b: bool(a) or bool(b),
}
ONE = {"$not": operator.invert, "$neg": operator.neg, "$pos": operator.pos}
REDUCED = {
    "$reduce_or": lambda a, width: a > 0,
    "$reduce_bool": lambda a, width: a > 0,
    "$reduce_and": lambda a, width: a == mask(width),
    "$reduce_xor": lambda a, width: a.bit_count() % 2,
    "$logic_not": lambda a, width: a == 0,
}


def shifted(kind, a, b, size):
    """Return a shift as Yosys defines it; ``a`` is read as its sign has it."""
    if kind in ("$shl", "$sshl"):
        return a << b
    return (a if kind == "$sshr" else a & mask(size)) >> b


def drawn_word(rng, width):
    return rng.choice([rng.getrandbits(width), 0, mask(width), 1 << width - 1, 1])


def check(kind, numbers, words, widths, expected):
    """Hold a cell on constants, and on variables, against a number."""
    terms = Terms()
    ports = list(zip("ABS", words, widths, strict=False))
    constants = {port: terms.const(word, width) for port, word, width in ports}
    free = {port: terms.var(port, width) for port, _, width in ports}
    wanted = int(expected) & mask(Cell(kind, numbers, {}).width)
    assert term_of(terms, Cell(kind, numbers, constants)).constant == wanted
    term = term_of(terms, Cell(kind, numbers, free))
    assert value_of(term, {port: word for port, word, _ in ports}) == wanted


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_cells_compute_what_yosys_defines(kind):
    rng = Random(kind)
    for _ in range(150):
        a, b, out = (rng.choice([1, 2, 5, 8, 31, 64, 70]) for _ in range(3))
        signs = rng.choice([(0, 0), (1, 1), (1, 0), (0, 1)])
        numbers = {"A_SIGNED": signs[0], "B_SIGNED": signs[1], "Y_WIDTH": out}
        x, y = drawn_word(rng, a), drawn_word(rng, b)
        if kind in ("$mux", "$pmux"):
            cases = 1 if kind == "$mux" else rng.randrange(1, 5)
            words = [drawn_word(rng, out) for _ in range(cases + 1)]
            chosen = rng.randrange(cases + 1)
            joined = sum(word << n * out for n, word in enumerate(words[1:]))
            operands = (words[0], joined, 1 << chosen - 1 if chosen else 0)
            widths = (out, out * cases, cases)
            check(kind, {"WIDTH": out}, operands, widths, words[chosen])
        elif kind in REDUCED:
            check(kind, {"A_SIGNED": 0, "Y_WIDTH": out}, (x,), (a,), REDUCED[kind](x, a))
        elif kind in ONE:
            value = ONE[kind](read(x, a) if signs[0] else x)
            check(kind, {"A_SIGNED": signs[0], "Y_WIDTH": out}, (x,), (a,), value)
        elif kind in TWO:
            both = all(signs)
            values = (read(x, a), read(y, b)) if both else (x, y)
            check(kind, numbers, (x, y), (a, b), TWO[kind](*values))
        else:
            y %= 90
            value = shifted(kind, read(x, a) if signs[0] else x, y, max(a, out))
            check(kind, {**numbers, "B_SIGNED": 0}, (x, y), (a, 7), value)


def test_an_unknown_cell_is_refused():
    with pytest.raises(BittrueError, match=r"^a cell must be one of \$add, .*, got \$div$"):
        term_of(Terms(), Cell("$div", {}, {}))


class Operators(Component):
    """What Amaranth's operators become, for operands of drawn shapes."""

    def __init__(self, a, b):
        super().__init__({"a": In(a), "b": In(b), "n": In(3), "o": Out(400)})

    def elaborate(self, platform):
        m = Module()
        a, b, n = self.a, self.b, self.n
        results = [
            *(op(a, b) for op in (operator.add, operator.sub, operator.mul, operator.and_)),
            *(op(a, b) for op in (operator.eq, operator.ne, operator.lt, operator.ge)),
            *(a | b, a ^ b, -a, ~b, a.any(), a.all(), b.xor(), a.bool()),
            *(a << n, b >> n, a >> n, Mux(n[0], a, b), Array([a, b, n, a])[n], abs(b)),
        ]
        held = Signal(signed(12))
        with m.Switch(n):
            with m.Case(1):
                m.d.sync += held.eq(a)
            with m.Case(2, 3):
                m.d.sync += held.eq(held + b)
        m.d.comb += self.o.eq(Cat(*results, held))
        return m


@pytest.mark.parametrize("seed", range(6))
def test_operators_beside_the_simulator(seed):
    rng = Random(seed)
    shapes = [rng.choice([signed, unsigned])(rng.randrange(1, 13)) for _ in range(2)]
    component = Operators(*shapes)
    stimulus = [
        {**{p: drawn_word(rng, s.width) for p, s in zip("ab", shapes, strict=True)}, "n": n % 8}
        for n in range(24)
    ]
    compare(component, stimulus)


def compare(component, stimulus, powered_up=()):
    """Step a netlist on constants, and compare all outputs in each cycle."""
    terms, bench = Terms(), Bench(component)
    netlist = SymbolicNetlist(netlist_of(component), terms)
    netlist.reset()
    netlist.fill(powered_up)
    for cycle, (step, shown) in enumerate(
        zip(stimulus, bench.run([{"rst": 1}, *stimulus])[1:], strict=True)
    ):
        inputs = {p: terms.const(word, bench.widths[p]) for p, word in step.items()}
        outputs = netlist.step(inputs)
        for port, word in shown.items():
            # what a memory's port shows before its first read is anything
            assert outputs[port].constant == word or not cycle, (cycle, port)


class Masked(Component):
    """A memory whose lanes are written apart."""

    def __init__(self, depth=5):
        self.depth = depth
        ports = {"at": In(3), "write": In(12), "lanes": In(3), "row": In(3), "en": In(1)}
        super().__init__({**ports, "o": Out(12)})

    def elaborate(self, platform):
        m = Module()
        rows = [[n, 0, 15 - n] for n in range(self.depth)]
        m.submodules.kept = kept = Memory(shape=ArrayLayout(4, 3), depth=self.depth, init=rows)
        write, read = kept.write_port(granularity=1), kept.read_port()
        m.d.comb += [
            write.addr.eq(self.at),
            write.data.as_value().eq(self.write),
            write.en.eq(self.lanes),
            read.addr.eq(self.row),
            read.en.eq(self.en),
            self.o.eq(read.data.as_value()),
        ]
        return m


def masked_steps(seed, cycles=60):
    rng = Random(seed)
    return [
        {
            "at": rng.randrange(5),
            "write": rng.getrandbits(12),
            "lanes": rng.getrandbits(3),
            "row": rng.randrange(5),
            "en": 1 if n == 0 else int(rng.random() < 0.7),
        }
        for n in range(cycles)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_memory_with_masks_beside_the_simulator(seed):
    steps = masked_steps(seed)
    # what the first read held before is anything
    compare(Masked(), [{**steps[0], "lanes": 0}, *steps], powered_up=["kept"])


@pytest.mark.parametrize("seed", range(3))
def test_a_memory_with_symbolic_addresses(seed):
    """The formula that drawn addresses, data and masks give holds for their values."""
    terms, steps = Terms(), masked_steps(seed, 12)
    bench = Bench(Masked())
    wanted = bench.run(steps)
    netlist = SymbolicNetlist(netlist_of(Masked()), terms)
    netlist.fill(["kept"])
    values, shown = {}, []
    for n, step in enumerate(steps):
        free = {port: terms.var(f"{port} {n}", bench.widths[port]) for port in step}
        values |= {f"{port} {n}": word for port, word in step.items()}
        shown.append(netlist.step(free)["o"])
    found = [value_of(term, values) for term in shown[1:]]
    assert found == [outputs["o"] for outputs in wanted[1:]]


def test_behind_the_last_row_there_is_any_word():
    terms = Terms()
    netlist = SymbolicNetlist(netlist_of(Masked()), terms)
    netlist.fill(["kept"])
    inputs = {"en": terms.const(1, 1), "row": terms.const(6, 3)}
    netlist.step(inputs)
    [unknown] = variables([netlist.step(inputs)["o"]])
    assert str(unknown.value).startswith("no row")
    [other] = variables([netlist.step(inputs)["o"]])
    assert other is not unknown


def test_a_reset_leaves_anything_at_the_inputs():
    terms = Terms()
    netlist = SymbolicNetlist(netlist_of(Masked()), terms)
    assert all(term.op == "var" for term in netlist.reset().values())


@pytest.mark.parametrize(("pe", "simd", "bias"), [(1, 1, False), (3, 2, True)])
def test_a_network_under_stalls_beside_the_simulator(pe, simd, bias):
    design = drawn_design(5, (3, 3, 3), "fxp-s8/4", bias=bias)
    machine = Machine(design.shape, pe, simd)
    rng, beats, beat = Random(pe), machine.foldings[0].input_folds, 0
    network, terms = Network(machine, design.weights), Terms()
    bench, netlist = Bench(network), SymbolicNetlist(netlist_of(network), terms)
    netlist.reset()
    netlist.fill([name for name in netlist.memory if name.endswith(("weight", "bias"))])
    stimulus, found = [], []
    for _ in range(90):
        last = int(beat == beats - 1)
        step = {
            "i__valid": int(rng.random() < 0.7),
            "i__payload": rng.getrandbits(8 * simd) | last << 8 * simd,
            "o__ready": int(rng.random() < 0.6),
        }
        stimulus.append(step)
        found.append(netlist.step({p: terms.const(w, bench.widths[p]) for p, w in step.items()}))
        if step["i__valid"] and found[-1]["i__ready"].constant:
            beat = (beat + 1) % beats
    moved = 0
    for outputs, shown in zip(found, bench.run([{"rst": 1}, *stimulus])[1:], strict=True):
        for port in ("i__ready", "o__valid", "idle", "framing_error"):
            assert outputs[port].constant == shown[port]
        if shown["o__valid"]:
            assert outputs["o__payload"].constant == shown["o__payload"]
            moved += 1
    assert moved > 4


def flat(cells=(), ports=()):
    """Return a netlist of a few cells."""
    return {"ports": dict(ports), "cells": dict(cells), "netnames": {}}


def test_what_is_not_driven_is_any_word():
    port = {"direction": "output", "bits": [7, "x", "1"]}
    netlist = SymbolicNetlist(flat(ports={"o": port}), Terms())
    first, second = (netlist.step({})["o"] for _ in range(2))
    assert len(variables([first])) == 2
    assert not set(variables([first])) & set(variables([second]))


def test_a_loop_is_refused():
    cell = {
        "type": "$not",
        "parameters": {"A_SIGNED": "0", "Y_WIDTH": "1"},
        "connections": {"A": [2], "Y": [2]},
        "port_directions": {"A": "input", "Y": "output"},
    }
    with pytest.raises(BittrueError, match=r"^a netlist must have no loop of logic, got one$"):
        SymbolicNetlist(flat(cells={"y": cell}), Terms())


@pytest.mark.parametrize(
    ("kind", "name", "value", "message"),
    [
        ("$dff", "CLK_POLARITY", "0", r"CLK_POLARITY of a \$dff must be 1, got 0"),
        ("$mem_v2", "RD_CLK_ENABLE", "0", r"RD_CLK_ENABLE of a \$mem_v2 must be 1, got 0"),
        ("$mem_v2", "RD_TRANSPARENCY_MASK", "1", r"RD_TRANSPARENCY_MASK .* must be 0, got 1"),
        ("$mem_v2", "WR_PORTS", "0", r"WR_PORTS of a \$mem_v2 must be 1, got 0"),
    ],
)
def test_registers_and_memories_of_another_kind_are_refused(kind, name, value, message):
    module = netlist_of(Operators(unsigned(2), signed(2)) if kind == "$dff" else Masked())
    [cell] = [cell for cell in module["cells"].values() if cell["type"] == kind]
    cell["parameters"][name] = value
    with pytest.raises(BittrueError, match=f"^{message}$"):
        SymbolicNetlist(module, Terms())
