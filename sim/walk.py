"""Random walks: a netlist in many lanes, each of them driven in its own way."""

import ctypes
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .gates import Gates
from .sliced import LANES, SELECT, library, netlist_of

Words = npt.NDArray[np.uint64]


class Walker:
    """One netlist in all lanes, with one and the same fault or none.

    Parameters
    ----------
    gates : Gates
        The netlist.
    number : int
        Which fault; 0 for none.
    flipped : sequence of int, optional
        Registers that power up with the other value.
    """

    def __init__(self, gates: Gates, number: int, flipped: tuple[int, ...] = ()) -> None:
        self._gates = gates
        self.slots = np.zeros((gates.slots, LANES // 64), dtype=np.uint64)
        self.slots[1] = ~np.uint64(0)
        self.registers = self.slots[gates.first_register : gates.first_gate]
        self.registers[gates.initial] = ~np.uint64(0)
        for register in flipped:
            self.registers[register] ^= ~np.uint64(0)
        for bit, slot in enumerate(gates.inputs.get(SELECT, [])):
            self.slots[slot] = ~np.uint64(0) if number >> bit & 1 else 0
        self._next = np.zeros((max(len(gates.registers), 1), LANES // 64), dtype=np.uint64)
        self._netlist, self._kept = netlist_of(gates)

    def settle(self, driven: Mapping[int, Words]) -> None:
        """Drive input slots, and work out what is seen."""
        if driven:
            self.slots[list(driven)] = list(driven.values())
        library().sliced_settle(ctypes.addressof(self._netlist), self.slots.ctypes.data)

    def edge(self) -> None:
        """Let the clock rise."""
        address = ctypes.addressof(self._netlist)
        library().sliced_edge(address, self.slots.ctypes.data, self._next.ctypes.data)


class Traffic:
    """What is driven on a walk: in each lane other habits.

    Parameters
    ----------
    gates : Gates
        Whose inputs.
    folds : int
        Beats of a sample.
    seed : int
        Of what is drawn.
    """

    def __init__(self, gates: Gates, folds: int, seed: int) -> None:
        self._gates, self._folds = gates, folds
        self._rng = np.random.default_rng(seed)
        draw = self._rng.random
        self._habits = {
            "i__valid": 1 - draw(LANES) ** 2,
            "o__ready": draw(LANES) ** 0.7,
            "loaded__ready": draw(LANES),
            "load__valid": draw(LANES),
            "count_clear": draw(LANES) * 0.2,
            "rst": draw(LANES) ** 4 * 0.05,
        }
        self._holding = np.zeros(LANES, dtype=np.bool_)
        self._hold = draw(LANES) * 0.1
        self._wrong = draw(LANES) ** 3 * 0.1
        self._beat = np.zeros(LANES, dtype=np.int64)

    def next(self) -> dict[int, Words]:
        """Return words of all lanes for each input slot."""
        rng, driven = self._rng, {}
        self._holding ^= rng.random(LANES) < self._hold
        last = (self._beat == self._folds - 1) ^ (rng.random(LANES) < self._wrong)
        for name, slots in self._gates.inputs.items():
            if name == SELECT:
                continue
            if name == "hold":
                bits = [self._holding]
            elif name in self._habits:
                bits = [rng.random(LANES) < self._habits[name]]
            else:
                rows = rng.integers(0, 2, (len(slots), LANES)).astype(np.bool_)
                if name == "load__payload":
                    # addresses that are there more often than not
                    rows[2:42] &= rng.random((40, LANES)) < 0.1
                    rows[[2, 10, 11, 26, 27]] = rng.integers(0, 2, (5, LANES)) > 0
                bits = list(rows)
            if name == "i__payload":
                bits[-1] = last
            for slot, row in zip(slots, bits, strict=True):
                driven[slot] = np.packbits(row, bitorder="little").view(np.uint64)
        self._last, self._offered = last, driven[self._gates.inputs["i__valid"][0]]
        return driven

    def seen(self, slots: Words) -> None:
        """Follow which lanes' beats were taken."""
        ready = slots[self._gates.outputs["i__ready"][0]] & self._offered
        taken = np.unpackbits(ready.view(np.uint8), bitorder="little").astype(np.bool_)
        after = np.where(self._last, 0, (self._beat + 1) % self._folds)
        self._beat = np.where(taken, after, self._beat)
