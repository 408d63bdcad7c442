"""A true machine and a faulty one as logic, driven alike: what can differ, and where it goes."""

from collections.abc import Mapping, Sequence

from .gates import Gates
from .literals import FALSE, Literals, settled
from .sliced import SELECT
from .taint import tainted


class Pair:
    """The true machine, and beside it each of those with a fault.

    Parameters
    ----------
    gates : Gates
        The netlist.
    promises : mapping from (str, int) to (str, int)
        For bits of ports that are not always promised, the bit that must be up.

    Attributes
    ----------
    logic : Literals
        Where literals are made.
    inputs : dict from int to int
        Slot of each input bit, and its variable.
    variables : list of int
        Of the registers.
    true : list of int
        Literals of the true machine's slots.
    """

    def __init__(self, gates: Gates, promises: Mapping[tuple[str, int], tuple[str, int]]) -> None:
        self._gates, self._promises = gates, promises
        self.logic = logic = Literals()
        self.inputs = {
            slot: logic.var()
            for name, slots in gates.inputs.items()
            if name != SELECT
            for slot in slots
        }
        self._registers = gates.registers[:, 0].tolist()
        self._next_slots = gates.registers[:, 1].tolist()
        self.variables = [logic.var() for _ in self._registers]
        self._twins = [logic.var() for _ in self._registers]
        self._numbers = {variable: n for n, variable in enumerate(self.variables)}
        self.true = self.slots(0, {})

    @property
    def becomes(self) -> list[int]:
        """Literals of what the true machine's registers become."""
        return [self.true[slot] for slot in self._next_slots]

    @property
    def places(self) -> list[tuple[str, int, int]]:
        """Name, bit and slot of all outputs."""
        outputs = self._gates.outputs.items()
        return [(name, bit, slot) for name, slots in outputs for bit, slot in enumerate(slots)]

    def slots(self, number: int, own: Mapping[int, int]) -> list[int]:
        """Return literals of all slots of a machine, of which some registers are its own."""
        chosen = self._gates.inputs.get(SELECT, [])
        sources = self.inputs | {slot: number >> n & 1 for n, slot in enumerate(chosen)}
        for register, slot in enumerate(self._registers):
            sources[slot] = own.get(register, self.variables[register])
        return settled(self.logic, self._gates, sources)

    def under_reset(self) -> list[int]:
        """Return the registers that reset gives a value."""
        (reset,) = self._gates.inputs["rst"]
        sources = self.inputs | dict(zip(self._registers, self.variables, strict=True))
        sources |= dict.fromkeys(self._gates.inputs.get(SELECT, []), 0)
        slots = settled(self.logic, self._gates, sources | {reset: 1})
        return [register for register, slot in enumerate(self._next_slots) if slots[slot] < 2]

    def own(self, differs: Mapping[int, int], plain: set[int]) -> dict[int, int]:
        """Return literals of the faulty machine's registers, where they are its own.

        Parameters
        ----------
        differs : mapping from int to int
            Registers that may differ, and a literal of when.
        plain : set of int
            Registers that, when they may differ, do.
        """
        logic = self.logic
        return {
            register: (
                logic.differ(self.variables[register], bit)
                if register in plain
                else logic.choose(self.variables[register], self._twins[register], bit)
            )
            for register, bit in differs.items()
        }

    def registers_below(self, literals: Sequence[int]) -> list[int]:
        """Return the registers that literals depend on."""
        nodes = self.logic.below(literals)
        return [self._numbers[2 * node] for node in nodes if 2 * node in self._numbers]

    def live(self, slots: Sequence[int]) -> set[int]:
        """Return the registers that outputs can depend on, in a machine or in the true one."""
        shown = [slot for _, _, slot in self.places]
        waiting = [literal for slot in shown for literal in (slots[slot], self.true[slot])]
        live: set[int] = set()
        while waiting:
            nodes = self.logic.below(waiting)
            found = {self._numbers[2 * n] for n in nodes if 2 * n in self._numbers} - live
            live |= found
            becomes = [self._next_slots[register] for register in found]
            waiting = [literal for slot in becomes for literal in (slots[slot], self.true[slot])]
        return live

    def different(self, slots: Sequence[int]) -> list[int]:
        """Return, for each slot, a literal of that a machine differs from the true one in it."""
        return [self.logic.differ(*pair) for pair in zip(self.true, slots, strict=True)]

    def tainted(self, number: int, differs: Mapping[int, int]) -> list[int]:
        """Return, for each slot, a literal that is true wherever a machine can differ in it.

        Parameters
        ----------
        number : int
            Which machine.
        differs : mapping from int to int
            Registers that may differ, and a literal of when.
        """
        sources = {self._registers[register]: bit for register, bit in differs.items()}
        alone = self.slots(number, {})
        return tainted(self.logic, self._gates, self.true, alone, sources)

    def shown(self, different: Sequence[int]) -> list[int]:
        """Return literals of differences in outputs that are promised, of differences in slots."""
        shown = [self._promised(name, bit, different[slot]) for name, bit, slot in self.places]
        return [literal for literal in shown if literal != FALSE]

    def moved(self, different: Sequence[int], live: set[int]) -> dict[int, int]:
        """Return literals of what differs in what live registers become, where something can."""
        moved = {r: different[slot] for r, slot in enumerate(self._next_slots) if r in live}
        return {register: literal for register, literal in moved.items() if literal != FALSE}

    def _promised(self, name: str, bit: int, different: int) -> int:
        """Return a literal of a difference in an output, and of that the output is promised."""
        port, condition = self._promises.get((name, bit), (name, -1))
        if condition < 0:
            return different
        return self.logic.both(different, self.true[self._gates.outputs[port][condition]])
