"""Proofs that a fault is never seen: whatever is driven, all ports show the same."""

from collections.abc import Mapping, Sequence

from .gates import Gates
from .literals import Literals, settled
from .script import Script
from .sliced import SELECT


class Unseen:
    """Proofs about the mutants of one build.

    Parameters
    ----------
    gates : Gates
        The netlist.
    flipped : mapping from int to sequence of int
        For mutants of what memories hold at power-up, the registers that are different.
    script : Script
        The regression, whose ports these are.
    seconds : float
        For one mutant.
    """

    version = "1"

    def __init__(
        self,
        gates: Gates,
        flipped: Mapping[int, Sequence[int]],
        script: Script,
        seconds: float,
    ) -> None:
        self._gates, self._flipped, self._seconds = gates, flipped, seconds
        self._logic = Literals()
        slots = [
            slot for name, slots in gates.inputs.items() if name != SELECT for slot in slots
        ] + gates.registers[:, 0].tolist()
        self._sources = {slot: self._logic.var() for slot in slots}
        self._true = self._settled(0)

    def _settled(self, number: int) -> list[int]:
        chosen = {slot: number >> n & 1 for n, slot in enumerate(self._gates.inputs[SELECT])}
        return settled(self._logic, self._gates, self._sources | chosen)

    def proof(self, number: int) -> str:
        """Return how a mutant is proven to be equivalent, or nothing."""
        if number in self._flipped:
            return "" if self._flipped[number] else "the same at power-up"
        slots = self._settled(number)
        becomes = self._gates.registers[:, 1].tolist()
        shown = [slot for slots in self._gates.outputs.values() for slot in slots]
        if all(slots[slot] == self._true[slot] for slot in [*becomes, *shown]):
            return "the same logic"
        return ""
