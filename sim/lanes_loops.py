"""Loops over lanes, each with the words that it needs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .lanes_netlist import Netlist, Operand
from .lanes_operations import Words
from .lanes_plan import Guarded, Plan, sources
from .lanes_ranges import literal, masked
from .lanes_values import Name

Target = tuple[int, int]
"""A word, and how many enabled cycles ago."""


class Sink(NamedTuple):
    """Where a lane operand goes.

    Members
    -------
    operand : Operand
        What is stored.
    bits : int
        Container of the expression.
    store : str
        Statement, with ``{}`` for the expression.
    need : str
        As in `Words.fetch`.
    """

    operand: Operand
    bits: int
    store: str
    need: str = "any"


class Loops:
    """What the source of one netlist is made of.

    Parameters
    ----------
    netlist : Netlist
        What is compiled.
    tainted : mapping from input port to list of bool
        Which pieces of input ports are vectors of lanes; others are not.
    shown : mapping from output port to operands
        Ports whose pieces are wanted as vectors of lanes, and the conditions, all to be met,
        under which they are; ``None`` among them is the model's ``want``.
    lanes : int
        Length of the vectors.
    """

    def __init__(
        self,
        netlist: Netlist,
        tainted: Mapping[str, Sequence[bool]],
        shown: Mapping[str, tuple[Operand | None, ...]],
        lanes: int,
    ) -> None:
        self.netlist, self._lanes, self._shown = netlist, lanes, dict(shown)
        self._tainted = tainted
        wanted = [
            Guarded(operand, tuple(w if w is not None else () for w in when))
            for port, when in shown.items()
            for operand in netlist.outputs[port]
        ]
        carriers = [
            node
            for port, flags in tainted.items()
            for node, flag in zip(netlist.inputs[port], flags, strict=True)
            if flag
        ]
        self.plan = Plan(netlist, carriers, wanted + list(self._written(netlist)))
        self.words = Words(netlist, self.plan.lane, self.plan.order, self.plan.lane_memories)
        self._fields: list[str] = []
        self._conditions: dict[str, str] = {}
        groups = {*self.plan.group.values()}
        self._groups = {enable: n for n, enable in enumerate(sorted(groups, key=str))}

    def _written(self, netlist: Netlist) -> Iterator[Guarded]:
        for memory in netlist.memories:
            for column in memory.writes:
                for write in column:
                    yield Guarded(write.data, (write.enable,))

    def scalar(self, operand: Operand) -> bool:
        """Tell whether an operand is the same for all lanes."""
        return self.plan.scalar(operand)

    def _type(self, number: int) -> str:
        return f"int{self.words.bits(number)}_t"

    def _ring(self, register: int) -> int:
        """Return the length of a lane register's history, the word now and the next included."""
        return max(self.plan.history[register] + 1, 2)

    def _heads(self) -> list[tuple[int, int]]:
        kept = [n for n in self.plan.registers if n not in self.plan.deferred]
        return sorted({(self._groups[self.plan.group[n]], self._ring(n)) for n in kept})

    def _scalar_name(self, number: int) -> str:
        return f"s{number}"

    def _test(self, operand: Operand | None) -> str:
        """Return a condition that is the same for all lanes."""
        if operand is None or not operand:
            return "m->want"
        return self.words.test(operand, self._scalar_name)

    def _named(self, ago: int) -> Name:
        """Return how words are called inside a loop over lanes."""
        return lambda n: f"v{n}_{ago}" if self.plan.lane[n] else f"s{n}"

    def _cone(self, targets: Iterable[Target], taps: bool) -> dict[Target, str]:
        """Return the statements that compute targets, in order.

        With ``taps``, deferred registers as they are now have been computed before.
        """
        done: dict[Target, str] = {}
        stack = list(targets)
        while stack:
            target = stack[-1]
            if target in done:
                stack.pop()
                continue
            waiting = [before for before in self._before(target, taps) if before not in done]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            done[target] = self._statement(target, taps)
        return done

    def _before(self, target: Target, taps: bool) -> list[Target]:
        number, ago = target
        node, lane = self.netlist.nodes[number], self.plan.lane
        if node.kind == "input" or (node.kind == "reg" and number not in self.plan.deferred):
            return []
        if node.kind == "reg":
            if taps and not ago:
                return []
            return [(n, ago + 1) for n in sources(node.along[0]) if lane[n]]
        return [(n, ago) for n in node.sources() if lane[n]]

    def _statement(self, target: Target, taps: bool) -> str:
        number, ago = target
        node, kind = self.netlist.nodes[number], self._type(number)
        if node.kind == "input":
            piece = self.netlist.inputs[node.port].index(number)
            text = f"m->X_{node.port}[{piece}][l]"
        elif node.kind != "reg":
            text = self.words.compute(number, self._named(ago)).text
        elif number not in self.plan.deferred:
            group, ring = self._groups[self.plan.group[number]], self._ring(number)
            place = f"h{group}_{ring}"
            if ago:
                place = f"({place} >= {ago} ? {place} - {ago} : {place} + {ring - ago})"
            text = f"m->r{number}[{place}][l]"
        elif taps and not ago:
            text = f"t{number}[l]"
        else:
            found = self.words.fetch(
                node.along[0], self.words.bits(number), "any", self._named(ago + 1)
            )
            group = self._groups[self.plan.group[number]]
            initial, bits = literal(self.words.initial(number)), self.words.bits(number)
            text = masked(f"a{group} > {ago}", found.text, initial, bits)
        return f"const {kind} v{number}_{ago} = {text};"

    def _loops(self, sinks: Sequence[Sink], taps: bool) -> Iterator[str]:
        """Yield loops over lanes, sinks that share words in one."""
        groups: list[tuple[set[Target], list[Sink]]] = []
        for sink in sinks:
            inner = {t for t in self._cone(self._roots([sink]), taps) if not self._leaf(t, taps)}
            shared = [group for group in groups if group[0] & inner]
            groups = [group for group in groups if not group[0] & inner]
            members = [member for group in shared for member in group[1]]
            groups.append((inner.union(*(group[0] for group in shared)), [*members, sink]))
        for _, members in groups:
            yield "LOOP {"
            yield from (f"    {line}" for line in self._cone(self._roots(members), taps).values())
            for sink in members:
                value = self.words.fetch(sink.operand, sink.bits, sink.need, self._named(0))
                yield f"    {sink.store.format(value.text)}"
            yield "}"

    def _roots(self, sinks: Sequence[Sink]) -> list[Target]:
        return [(n, 0) for sink in sinks for n in sources(sink.operand) if self.plan.lane[n]]

    def _leaf(self, target: Target, taps: bool) -> bool:
        return not self._before(target, taps)

    def _when(self, conditions: list[str], lines: Iterable[str]) -> Iterator[str]:
        needed = [text for text in conditions if text != "1"]
        yield f"if ({' & '.join(needed)}) {{" if needed else "{"
        yield from (f"    {line}" for line in lines)
        yield "}"
