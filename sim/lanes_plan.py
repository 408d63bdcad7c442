"""What of a netlist is a vector of lanes, and what of it need not be computed each cycle."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from bittrue.model.exceptions import BittrueError

from .lanes_netlist import Netlist, Node, Operand, Part

ALWAYS: Operand = (Part(-1, 1, 1),)
"""The enable of a register that takes its data each cycle."""

NEVER: Operand = (Part(-1, 0, 1),)
"""The enable of a register that never does."""


def sources(operand: Operand) -> Iterator[int]:
    """Yield the words that an operand is taken from."""
    return (part.node for part in operand if part.node >= 0)


def sorted_words(netlist: Netlist) -> list[int]:
    """Return the combinational words, each behind what it is computed from.

    Raises
    ------
    BittrueError
        If there is a combinational loop.
    """
    state = [2 if node.kind in ("reg", "input") else 0 for node in netlist.nodes]
    order: list[int] = []
    for first in range(len(netlist.nodes)):
        stack = [first] if not state[first] else []
        while stack:
            number = stack[-1]
            if state[number] == 0:
                state[number] = 1
                waiting = [n for n in netlist.nodes[number].sources() if state[n] < 2]
                if any(state[n] == 1 for n in waiting):
                    raise BittrueError("a netlist must have no combinational loop, got one")
                stack += waiting
                continue
            stack.pop()
            if state[number] == 1:
                state[number] = 2
                order.append(number)
    return order


def lane_words(netlist: Netlist, order: list[int], tainted: Iterable[int]) -> list[bool]:
    """Tell of each word whether it depends on the data: on what ``tainted`` words hold."""
    lane = [False] * len(netlist.nodes)
    for number in tainted:
        lane[number] = True
    registers = [n for n, node in enumerate(netlist.nodes) if node.kind == "reg"]
    before = -1
    while sum(lane) != before:
        before = sum(lane)
        for number in (*order, *registers):
            node = netlist.nodes[number]
            lane[number] |= any(lane[n] for n in node.sources())
            if node.kind == "read":
                lane[number] |= lane_memory(netlist, lane, node.memory)
    return lane


def lane_memory(netlist: Netlist, lane: list[bool], number: int) -> bool:
    """Tell whether a memory depends on the data."""
    writes = (write for column in netlist.memories[number].writes for write in column)
    return any(lane[n] for write in writes for operand in write for n in sources(operand))


@dataclass(frozen=True)
class Guarded:
    """An operand that is only wanted while a condition holds.

    Members
    -------
    operand : Operand
        What is wanted.
    when : tuple of Operand
        One-bit words that are all set then; empty where it is always wanted.
    """

    operand: Operand
    when: tuple[Operand, ...]


class Plan:
    """How a netlist's lane words are computed.

    A register that takes its data each time its enable is set, and whose data comes from
    registers of the same enable alone, need not be kept: its word is a function of what those
    held some enabled cycles ago. Such registers are *deferred*, computed only where wanted, from
    a history of the others, where nothing wants them each cycle.

    Parameters
    ----------
    netlist : Netlist
        What is planned for.
    tainted : iterable of int
        Words that carry data.
    wanted : list of Guarded
        Lane operands that are read from outside.
    """

    def __init__(self, netlist: Netlist, tainted: Sequence[int], wanted: list[Guarded]) -> None:
        self.netlist = netlist
        self.order = sorted_words(netlist)
        self.lane = lane_words(netlist, self.order, tainted)
        self._enable_always()
        self._enable_changes()
        if len(netlist.nodes) > len(self.lane):
            self.order = sorted_words(netlist)
            self.lane = lane_words(netlist, self.order, tainted)
        self.lane_memories = [
            lane_memory(netlist, self.lane, n) for n in range(len(netlist.memories))
        ]
        nodes = netlist.nodes
        self.registers = [n for n, node in enumerate(nodes) if node.kind == "reg" and self.lane[n]]
        self.group = {n: self._group(n) for n in self.registers}
        self._sets()
        self.deferred = self._deferred(wanted)
        self.depth = {n: self._depth(n) for n in self.order_of_deferred()}

    def scalar(self, operand: Operand) -> bool:
        """Tell whether an operand is the same for all lanes."""
        return not any(self.lane[n] for n in sources(operand))

    def _group(self, register: int) -> Operand:
        return self.netlist.nodes[register].beside[0]

    def whole(self, number: int) -> Operand:
        """Return a word as an operand."""
        return (Part(number, 0, self.netlist.nodes[number].width),)

    def _enable_always(self) -> None:
        """Give registers whose enable differs between lanes a multiplexer instead."""
        nodes = self.netlist.nodes
        for number, node in enumerate(list(nodes)):
            if node.kind == "reg" and not self.scalar(node.beside[0]):
                choice = [self.whole(number), node.along[0]]
                node.along = [self._new(Node("mux", node.width, choice, [node.beside[0]]))]
                node.beside = [ALWAYS]

    def _new(self, node: Node) -> Operand:
        self.netlist.nodes.append(node)
        return self.whole(len(self.netlist.nodes) - 1)

    def _enable_changes(self) -> None:
        """Leave lane registers alone where multiplexers would give them what they hold."""
        made: dict[object, Operand] = {}
        lane = list(self.lane)
        for number, flag in enumerate(lane):
            node = self.netlist.nodes[number]
            if node.kind == "reg" and flag:
                changes = self._changes(self.whole(number), node.along[0], made)
                node.beside = [self._gate("and", node.beside[0], changes, made)]

    def _changes(self, held: Operand, data: Operand, made: dict[object, Operand]) -> Operand:
        """Return whether data may differ from what a register holds, a word all lanes share."""
        if data == held:
            return NEVER
        if len(data) != 1 or data[0].node < 0 or data != self.whole(data[0].node):
            return ALWAYS
        node = self.netlist.nodes[data[0].node]
        if node.kind not in ("mux", "pmux") or not all(self.scalar(test) for test in node.beside):
            return ALWAYS
        changes = self._changes(held, node.along[0], made)
        for test, choice in reversed(list(zip(node.beside, node.along[1:], strict=True))):
            then = self._changes(held, choice, made)
            if then == changes:
                continue
            hit = self._gate("and", test, then, made)
            inverse = self._gate("xor", test, ALWAYS, made)
            changes = self._gate("or", hit, self._gate("and", inverse, changes, made), made)
        return changes

    def _gate(self, kind: str, a: Operand, b: Operand, made: dict[object, Operand]) -> Operand:
        """Return a one-bit operation, made once; constants are folded."""
        for one, other in ((a, b), (b, a)):
            if kind == "and" and one in (ALWAYS, NEVER):
                return other if one == ALWAYS else NEVER
            if kind == "or" and one in (ALWAYS, NEVER):
                return other if one == NEVER else ALWAYS
        if (kind, a, b) not in made:
            made[kind, a, b] = self._new(Node(kind, 1, [a, b]))
        return made[kind, a, b]

    def _sets(self) -> None:
        """Find, as bit sets, the registers behind each word: all, and those always wanted."""
        nodes, lane = self.netlist.nodes, self.lane
        self._all = [0] * len(nodes)
        self._surely = [0] * len(nodes)
        # whether anything else than lane registers and constants stands behind a word
        self._mixed = [False] * len(nodes)
        for number, node in enumerate(nodes):
            if node.kind == "reg" and lane[number]:
                self._all[number] = self._surely[number] = 1 << number
            elif node.kind in ("reg", "input"):
                self._mixed[number] = True
        for number in self.order:
            node = nodes[number]
            self._mixed[number] = node.kind == "read" or any(self._mixed[n] for n in node.sources())
            for n in node.sources():
                self._all[number] |= self._all[n]
            self._surely[number] = self._surely_behind(number)

    def _surely_behind(self, number: int) -> int:
        node = self.netlist.nodes[number]
        if node.kind in ("mux", "pmux") and all(self.scalar(test) for test in node.beside):
            choices = [self._union(self._surely, [operand]) for operand in node.along]
            common = choices[0]
            for choice in choices[1:]:
                common &= choice
            return common
        return self._union(self._surely, node.operands)

    def _union(self, table: list[int], operands: Iterable[Operand]) -> int:
        found = 0
        for operand in operands:
            for n in sources(operand):
                found |= table[n]
        return found

    def _deferred(self, wanted: list[Guarded]) -> set[int]:
        behind = {n: self._union(self._all, self.netlist.nodes[n].along) for n in self.registers}
        chosen = {n for n in self.registers if self._may_be_deferred(n)} - _in_loops(behind)
        always = self._union(self._surely, [w.operand for w in wanted if not w.when])
        removed = {n for n in chosen if always >> n & 1}
        while True:
            chosen -= removed
            removed = {n for n in chosen if not self._from_own_group(n, behind[n])}
            kept = [n for n in self.registers if n not in chosen]
            for number in kept:
                surely = self._union(self._surely, self.netlist.nodes[number].along)
                group = self.group[number]
                removed |= {
                    n for n in _members(surely) & chosen if group in (self.group[n], ALWAYS)
                }
            if not removed:
                return chosen

    def _may_be_deferred(self, number: int) -> bool:
        return not any(self._mixed[n] for n in sources(self.netlist.nodes[number].along[0]))

    def _from_own_group(self, number: int, behind: int) -> bool:
        enables = (self.netlist.nodes[n].beside[0] for n in _members(behind))
        return all(enable == self.group[number] for enable in enables)

    def order_of_deferred(self) -> list[int]:
        """Return the deferred registers, each behind those that its data comes from."""
        done: dict[int, None] = {}
        behind = {n: self._union(self._all, self.netlist.nodes[n].along) for n in self.deferred}
        while len(done) < len(self.deferred):
            for n in sorted(self.deferred - done.keys()):
                if _members(behind[n]) & self.deferred <= done.keys():
                    done[n] = None
        return list(done)

    def _depth(self, number: int) -> int:
        if not hasattr(self, "_depths"):
            self._depths: dict[int, int] = {}
        before = _members(self._union(self._all, self.netlist.nodes[number].along)) & self.deferred
        self._depths[number] = 1 + max((self._depths[n] for n in before), default=0)
        return self._depths[number]

    @cached_property
    def history(self) -> dict[int, int]:
        """Earlier words that are kept of each register that is kept."""
        found = {n: 0 for n in self.registers if n not in self.deferred}
        deepest: dict[Operand, int] = {}
        for n, depth in self.depth.items():
            deepest[self.group[n]] = max(deepest.get(self.group[n], 0), depth)
        for n in self.deferred:
            for root in (
                _members(self._union(self._all, self.netlist.nodes[n].along)) - self.deferred
            ):
                found[root] = deepest[self.group[root]]
        return found

    def deferred_behind(self, number: int) -> int:
        """Return, as a bit set, the registers behind a word."""
        return self._all[number]


def _members(bits: int) -> set[int]:
    found = set()
    while bits:
        lowest = bits & -bits
        found.add(lowest.bit_length() - 1)
        bits ^= lowest
    return found


def _in_loops(behind: dict[int, int]) -> set[int]:
    """Return the registers that their own data comes from, in one cycle or more."""
    reached = dict(behind)
    changed = True
    while changed:
        changed = False
        for number, found in reached.items():
            wider = found
            for n in _members(found):
                wider |= reached.get(n, 0)
            if wider != found:
                reached[number], changed = wider, True
    return {n for n, found in reached.items() if found >> n & 1}
