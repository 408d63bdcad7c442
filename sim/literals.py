"""Logic of single bits, each function kept once: what two netlists share is the same literal."""

from collections.abc import Callable, Mapping, Sequence

from .gates import Gates

FALSE, TRUE = 0, 1
"""Literals of the constants; a literal's lowest bit negates it."""

Read = Callable[[int], int]


class Literals:
    """And-gates and exclusive ors over variables, with negation in the literals."""

    def __init__(self) -> None:
        self.kinds: list[str] = ["const"]
        self.operands: list[tuple[int, ...]] = [()]
        self._known: dict[tuple[str, tuple[int, ...]], int] = {}

    def var(self) -> int:
        """Return a new variable."""
        self.kinds.append("var")
        self.operands.append(())
        return 2 * (len(self.kinds) - 1)

    def _node(self, kind: str, operands: tuple[int, ...]) -> int:
        key = (kind, operands)
        found = self._known.get(key)
        if found is None:
            found = 2 * len(self.kinds)
            self.kinds.append(kind)
            self.operands.append(operands)
            self._known[key] = found
        return found

    def both(self, a: int, b: int) -> int:
        """Return ``a & b``."""
        if a > b:
            a, b = b, a
        if a == FALSE or a == b ^ 1:
            return FALSE
        if a in (TRUE, b):
            return b
        return self._node("and", (a, b))

    def either(self, a: int, b: int) -> int:
        """Return ``a | b``."""
        return self.both(a ^ 1, b ^ 1) ^ 1

    def differ(self, a: int, b: int) -> int:
        """Return ``a ^ b``."""
        sign = (a ^ b) & 1
        a, b = sorted((a & ~1, b & ~1))
        if a == b:
            return sign
        if a == FALSE:
            return b ^ sign
        return self._node("xor", (a, b)) ^ sign

    def choose(self, a: int, b: int, s: int) -> int:
        """Return ``b`` where ``s``, else ``a``."""
        if s & 1:
            a, b, s = b, a, s ^ 1
        if s == FALSE or a == b:
            return a
        if a == b ^ 1:
            return self.differ(a, s)
        if b & 1:
            return self.choose(a ^ 1, b ^ 1, s) ^ 1
        if b == FALSE:
            return self.both(a, s ^ 1)
        if a == FALSE:
            return self.both(b, s)
        if a == TRUE:
            return self.both(b ^ 1, s) ^ 1
        if a == s:
            return self.both(b, s)
        if b == s:
            return self.either(a, s)
        return self._node("mux", (a, b, s))

    def below(self, roots: Sequence[int]) -> list[int]:
        """Return all nodes that literals lead to, operands first."""
        seen: set[int] = set()
        waiting = [root >> 1 for root in roots]
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting += [operand >> 1 for operand in self.operands[node]]
        return sorted(seen)


def settled(logic: Literals, gates: Gates, sources: Mapping[int, int]) -> list[int]:
    """Return a literal for every slot of a netlist.

    Parameters
    ----------
    logic : Literals
        Where they are made.
    gates : Gates
        The netlist.
    sources : mapping from int to int
        Slot of each input bit and register to its literal.
    """
    slots = [FALSE, TRUE] + [FALSE] * (gates.slots - 2)
    for slot, literal in sources.items():
        slots[slot] = literal
    for slot, (kind, a, b, c) in enumerate(gates.gates.tolist(), gates.first_gate):
        x, y = slots[a], slots[b]
        if kind == 0:
            slots[slot] = logic.both(x, y)
        elif kind == 1:
            slots[slot] = logic.either(x, y)
        elif kind == 2:
            slots[slot] = logic.differ(x, y)
        elif kind == 3:
            slots[slot] = logic.differ(x, y) ^ 1
        elif kind == 4:
            slots[slot] = x ^ 1
        else:
            slots[slot] = logic.choose(x, y, slots[c])
    return slots


def registers_by_name(gates: Gates, chosen: str) -> dict[tuple[str, int], int]:
    """Return each register by its public names and bits, also where a fault may stand behind it.

    Parameters
    ----------
    gates : Gates
        The netlist.
    chosen : str
        Input port that chooses a fault; 0 chooses none.
    """
    logic = Literals()
    ports = [slot for name, slots in gates.inputs.items() if name != chosen for slot in slots]
    sources = {slot: logic.var() for slot in ports}
    held = {slot: logic.var() for slot in gates.registers[:, 0].tolist()}
    slots = settled(logic, gates, sources | held)
    number = {literal: n for n, literal in enumerate(held.values())}
    return {
        name: number[slots[slot]] for name, slot in gates.names.items() if slots[slot] in number
    }
