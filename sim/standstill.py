"""Stalls of a layer: it stands still while an output beat waits, and is not touched otherwise.

So a run with stalls is one without, some of whose cycles last longer. What is proven of the layer
where nobody stalls holds then for all runs.
"""

import random
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bittrue.hdl.layer import STAGES, Layer
from bittrue.hdl.machine import Folding
from bittrue.model.shape import Layer as LayerShape
from bittrue.model.types import Codes, Format

from .bench import Bench, Stimulus
from .equal import Status
from .symbolic import SymbolicNetlist, netlist_of
from .term_values import variables
from .terms import Term, Terms
from .trial import Proof, Replay

SHOWN = ("o__payload", "o__valid", "address", "release", *STAGES)
"""Outputs of a layer that its surroundings see while it works."""

NAMED = 6
"""Registers that are named where many move."""

SEEDS = 20
"""Drawn runs in which a replay looks for a fault."""

CYCLES = 60
"""Of each, stalls apart."""


def prove_standstill(
    number: int,
    layer: LayerShape,
    folding: Folding,
    data_width: int,
    *,
    waves: Path | None = None,
) -> Proof:
    """Decide whether a layer stands still while its output waits, and only then.

    Parameters
    ----------
    number : int
        Of the layer.
    layer, folding : Layer, Folding
        What is built.
    data_width : int
        Of its load port, which does not own the memory.
    waves : path, optional
        Where the waveform of a replay goes, as VCD.
    """
    start = time.perf_counter()
    module = netlist_of(Layer(layer, folding, data_width))
    still = _Standstill(SymbolicNetlist(module, Terms()), module)
    moved = [*still.moved_while_waiting(), *still.stalled_without_need()]
    replay, stimulus = None, Stimulus()
    if moved:
        replay, stimulus = replayed_stalls(layer, folding, data_width, waves)
    return Proof(
        f"layer {number} stands still while its output waits, and only then",
        Status.REFUTED if replay else Status.UNKNOWN if moved else Status.PROVEN,
        time.perf_counter() - start,
        words=len(still.reach),
        different=_listed(list(dict.fromkeys(moved))) or None,
        replay=replay,
        stimulus=stimulus,
    )


def _listed(names: list[str]) -> str:
    """Return names, of many the first."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


class _Cycle(NamedTuple):
    """What one cycle shows and leaves behind."""

    outputs: Mapping[str, Term]
    state: Mapping[int, Term]
    memory: Mapping[str, list[Term]]


class _Standstill:
    """A layer's netlist in any state, with any inputs.

    Parameters
    ----------
    netlist : SymbolicNetlist
        Not stepped yet.
    module : dict
        What it was made from.
    """

    def __init__(self, netlist: SymbolicNetlist, module: Mapping[str, Any]) -> None:
        self._netlist, terms = netlist, netlist.terms
        self._state = dict(netlist.state)
        self._memory = {name: list(rows) for name, rows in netlist.memory.items()}
        inputs = {
            port: terms.var(f"any {port}", len(about["bits"]))
            for port, about in module["ports"].items()
            if about["direction"] == "input" and port not in ("clk", "rst")
        }
        self._inputs = {**inputs, "loading": terms.const(0, 1)}
        self.reach = self._reach()

    def _cycle(self, state: Mapping[int, Term], ready: int) -> _Cycle:
        """Return one cycle from a state."""
        netlist = self._netlist
        # what is undefined in a cycle is the same, stalled or not
        netlist.state, netlist.steps = dict(state), 0
        netlist.memory = {name: list(rows) for name, rows in self._memory.items()}
        outputs = netlist.step({**self._inputs, "o__ready": netlist.terms.const(ready, 1)})
        return _Cycle(outputs, netlist.state, netlist.memory)

    def _reach(self) -> set[int]:
        """Return the registers that outputs depend on, in however many cycles."""
        netlist = self._netlist
        owners = {held: word for word, held in self._state.items()}
        outputs = netlist.step(self._inputs)
        after = netlist.state
        found: set[int] = set()
        waiting = _owners(owners, (outputs[name] for name in SHOWN))
        while waiting:
            word = waiting.pop()
            if word not in found:
                found.add(word)
                waiting += _owners(owners, [after[word]])
        return found

    def _with_valid(self, bit: int) -> dict[int, Term]:
        """Return the states in which an output beat is there, or is not."""
        terms = self._netlist.terms
        valid = self._cycle(self._state, 1).outputs["o__valid"]
        held, low = (valid.args[0], int(valid.value)) if valid.op == "slice" else (valid, 0)
        above = held.width - low - 1
        parts = [terms.slice(held, 0, low)] if low else []
        parts.append(terms.const(bit, 1))
        parts += [terms.slice(held, low + 1, above)] if above else []
        known = terms.concat(parts)
        return {word: known if term is held else term for word, term in self._state.items()}

    def moved_while_waiting(self) -> list[str]:
        """Return what changes, or is shown, in a cycle in which an output beat must wait."""
        state = self._with_valid(1)
        cycle = self._cycle(state, 0)
        moved = [
            self._netlist.names[word][0]
            for word in self.reach
            if cycle.state[word] is not state[word]
        ]
        moved += [name for name, rows in self._memory.items() if cycle.memory[name] != rows]
        moved += [port for port in ("en", "release") if cycle.outputs[port].constant != 0]
        terms = self._netlist.terms
        moved += [s for s in STAGES if terms.slice(cycle.outputs[s], 0, 1).constant != 0]
        registers = set(variables(state.values()))
        for port in ("o__valid", "o__payload"):
            moved += [port] if not registers.issuperset(variables([cycle.outputs[port]])) else []
        return moved

    def stalled_without_need(self) -> list[str]:
        """Return what depends on ``ready`` in a cycle in which no output beat is there."""
        state = self._with_valid(0)
        one, other = self._cycle(state, 0), self._cycle(state, 1)
        stalled = [
            self._netlist.names[word][0]
            for word in self.reach
            if one.state[word] is not other.state[word]
        ]
        stalled += [name for name, rows in one.memory.items() if other.memory[name] != rows]
        stalled += [p for p in ("en", *SHOWN) if one.outputs[p] is not other.outputs[p]]
        return stalled


def _owners(owners: Mapping[Term, int], terms: Iterable[Term]) -> list[int]:
    return [owners[term] for term in variables(terms) if term in owners]


def replayed_stalls(
    layer: LayerShape, folding: Folding, data_width: int, waves: Path | None = None
) -> tuple[Replay | None, Stimulus]:
    """Look for a drawn run in which stalls change what a layer shows.

    A run is driven twice, without stalls and with some. In the second, other inputs stand before
    the layer while it waits.
    """
    for seed in range(SEEDS):
        chance = np.random.default_rng(seed)
        weights = _drawn(chance, layer.weight.format, (layer.outputs, layer.inputs))
        bias = layer.bias
        biases = None if bias is None else _drawn(chance, bias.format, (layer.outputs,))
        bench = Bench(Layer(layer, folding, data_width, weights=weights, biases=biases))
        width = layer.input.format.width * folding.simd
        run = _Stalled(bench, random.Random(seed), width)
        replay = run.difference()
        if replay is not None:
            if waves is not None:
                bench.run(run.stimulus, waves)
            return replay, run.stimulus
    return None, Stimulus()


def _drawn(chance: np.random.Generator, format: Format, shape: tuple[int, ...]) -> Codes:
    return chance.integers(format.min_code, format.max_code + 1, shape)


class _Stalled:
    """A drawn run of a layer, without stalls and with some.

    Parameters
    ----------
    bench : Bench
        Holds the layer.
    chance : Random
        Draws inputs and stalls.
    width : int
        Bits of a beat of inputs.
    """

    def __init__(self, bench: Bench, chance: random.Random, width: int) -> None:
        self._bench, self._chance, self._width = bench, chance, width
        busy = chance.choice((1.0, 0.7))
        self._free = [
            {"available": int(chance.random() < busy), "inputs": self._beat(), "o__ready": 1}
            for _ in range(CYCLES)
        ]
        self._free_outputs = bench.run([{"rst": 1}, *self._free])[1:]
        self._from: list[int] = []
        self.stimulus: Stimulus = [{"rst": 1}]
        for cycle, step in enumerate(self._free):
            self._stretch(cycle, step)

    def _beat(self) -> int:
        return self._chance.getrandbits(self._width)

    def _stretch(self, cycle: int, step: Mapping[str, int]) -> None:
        """Drive a cycle: while an output beat is there, after some in which it is not taken."""
        valid = self._free_outputs[cycle]["o__valid"]
        while valid and self._chance.random() < 0.5:
            self.stimulus.append({**step, "inputs": self._beat(), "o__ready": 0})
            self._from.append(cycle)
        ready = 1 if valid else self._chance.getrandbits(1)
        self.stimulus.append({**step, "o__ready": ready})
        self._from.append(cycle)

    def difference(self) -> Replay | None:
        """Return the first word that stalls have changed."""
        stalled = self._bench.run(self.stimulus)[1:]
        for at, (cycle, shown) in enumerate(zip(self._from, stalled, strict=True)):
            waits = at + 1 < len(self._from) and self._from[at + 1] == cycle
            for port in ("o__valid", "o__payload", *(() if waits else SHOWN)):
                expected = self._free_outputs[cycle][port]
                if shown[port] != expected:
                    return Replay(f"{port}, stalled", at + 1, expected, shown[port])
            if waits and shown["release"]:
                return Replay("release while the output waits", at + 1, 0, 1)
        return None
