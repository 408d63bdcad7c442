"""C source of a netlist: one function that goes through one clock cycle in all lanes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .lanes_netlist import Netlist, Operand
from .lanes_plan import ALWAYS, Guarded, Plan, sources
from .lanes_values import Name, Value, Words, literal, masked, storage

HELPERS = """
static inline int64_t bits_at(const uint64_t *a, int64_t bits, int64_t low, int64_t amount)
{
    if (amount >= bits || amount < -bits - low) return 0;
    int64_t at = low + amount;
    if (at >= bits || at <= -64) return 0;
    if (at < 0) return (int64_t)(a[0] << -at);
    int64_t word = at >> 6, by = at & 63;
    uint64_t found = a[word] >> by;
    if (by && (word + 1) * 64 < bits) found |= a[word + 1] << (64 - by);
    return (int64_t)found;
}

static inline int64_t parity(uint64_t a) { return __builtin_parityll(a); }

#define LOOP _Pragma("GCC ivdep") for (int64_t l = 0; l < LANES; l++)
#define WIDE __attribute__((aligned(64)))
"""

Target = tuple[int, int]
"""A word, and how many enabled cycles ago."""


@dataclass(frozen=True)
class Ports:
    """What a model shows.

    Members
    -------
    inputs : mapping from port to list of bool
        Of each piece, whether it is a vector of lanes.
    outputs : mapping from port to int
        Number of pieces.
    lanes : tuple of str
        Output ports that hold a vector for each piece.
    """

    inputs: dict[str, list[bool]]
    outputs: dict[str, int]
    lanes: tuple[str, ...]


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


class Source:
    """Writes the source of one netlist.

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

    def text(self) -> str:
        """Return the source."""
        body = [*self._scalars(), *self._staged()]
        body += ["if (!commit) return;", *self._updates(), *self._stores(), *self._commits()]
        self._state()
        lines = [
            "#include <stdint.h>",
            "#include <stdlib.h>",
            "#include <string.h>",
            f"#define LANES {self._lanes}",
            HELPERS,
            "typedef struct {",
            *(f"    {line}" for line in self._fields),
            "} model;",
            "",
            *self._power_up(),
            "",
            "static void step(model *restrict m, int commit)",
            "{",
            *(f"    {line}" for line in body),
            "}",
        ]
        return "\n".join(lines) + "\n"

    def _field(self, line: str) -> None:
        self._fields.append(line)

    def _type(self, number: int) -> str:
        return f"int{self.words.bits(number)}_t"

    def _ring(self, register: int) -> int:
        """Return the length of a lane register's history, the word now and the next included."""
        return max(self.plan.history[register] + 1, 2)

    def _heads(self) -> list[tuple[int, int]]:
        kept = [n for n in self.plan.registers if n not in self.plan.deferred]
        return sorted({(self._groups[self.plan.group[n]], self._ring(n)) for n in kept})

    def _state(self) -> None:
        """Declare all that a model holds."""
        nodes, plan = self.netlist.nodes, self.plan
        self._field("int64_t want;")
        for port, numbers in self.netlist.inputs.items():
            flags = self._tainted.get(port, [False] * len(numbers))
            self._field(f"int64_t x_{port}[{len(numbers)}];")
            if any(flags):
                bits = max(
                    self.words.bits(n) for n, flag in zip(numbers, flags, strict=True) if flag
                )
                self._field(f"int{bits}_t X_{port}[{len(numbers)}][LANES] WIDE;")
        for port, operands in self.netlist.outputs.items():
            self._field(f"int64_t y_{port}[{len(operands)}];")
            if port in self._shown:
                self._field(f"int64_t Y_{port}[{len(operands)}][LANES] WIDE;")
        for number, node in enumerate(nodes):
            if node.kind != "reg" or number in plan.deferred:
                continue
            if plan.lane[number]:
                self._field(f"{self._type(number)} r{number}[{self._ring(number)}][LANES] WIDE;")
            else:
                self._field(f"int64_t q{number};")
        for number, memory in enumerate(self.netlist.memories):
            widths = [width for _, width in memory.columns]
            if plan.lane_memories[number]:
                for column, width in enumerate(widths):
                    kind = f"int{storage(width)}_t"
                    self._field(f"{kind} M{number}_{column}[{memory.depth}][LANES] WIDE;")
            else:
                kind = f"int{storage(max(widths))}_t"
                self._field(f"{kind} M{number}[{memory.depth}][{len(widths)}] WIDE;")
        for group in self._groups.values():
            self._field(f"int64_t age{group};")
        for group, ring in self._heads():
            self._field(f"int64_t head{group}_{ring};")

    def _power_up(self) -> Iterator[str]:
        """Yield the function that sets a model to its state at power-up."""
        yield "static void power_up(model *m)"
        yield "{"
        yield "    memset(m, 0, sizeof *m);"
        for number, node in enumerate(self.netlist.nodes):
            if node.kind == "reg" and node.init and number not in self.plan.deferred:
                value = literal(self.words.initial(number))
                if self.plan.lane[number]:
                    yield f"    LOOP m->r{number}[0][l] = {value};"
                else:
                    yield f"    m->q{number} = {value};"
        for number, memory in enumerate(self.netlist.memories):
            for column, rows in enumerate(memory.init):
                for row, word in enumerate(rows):
                    place = f"[{row}][{column}]"
                    if self.plan.lane_memories[number]:
                        yield f"    LOOP m->M{number}_{column}[{row}][l] = {literal(word)};"
                    else:
                        yield f"    m->M{number}{place} = {literal(word)};"
        yield "}"

    def _scalars(self) -> Iterator[str]:
        """Yield what is computed once for all lanes, and the scalar output ports."""
        nodes, lane = self.netlist.nodes, self.plan.lane
        for port, numbers in self.netlist.inputs.items():
            for piece, number in enumerate(numbers):
                if not lane[number]:
                    yield f"const int64_t s{number} = m->x_{port}[{piece}];"
        for number, node in enumerate(nodes):
            if node.kind == "reg" and not lane[number]:
                yield f"const int64_t s{number} = m->q{number};"
        for number in self.plan.order:
            if not lane[number]:
                yield f"const int64_t s{number} = {self.words.compute(number, self._scalar_name).text};"
        for port, operands in self.netlist.outputs.items():
            for piece, operand in enumerate(operands):
                if self.scalar(operand):
                    value = self.words.fetch(operand, 64, "zero", self._scalar_name)
                    yield f"m->y_{port}[{piece}] = {value.text};"
        for group, ring in self._heads():
            yield f"const int64_t h{group}_{ring} = m->head{group}_{ring};"
        for group in self._groups.values():
            yield f"const int64_t a{group} = m->age{group};"

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

    def _staged(self) -> Iterator[str]:
        """Yield what is taken from words as they are before the clock edge."""
        for port, when in self._shown.items():
            sinks = [
                Sink(operand, 64, f"m->Y_{port}[{piece}][l] = {{}};", "zero")
                for piece, operand in enumerate(self.netlist.outputs[port])
            ]
            yield from self._when([self._test(w) for w in when], self._loops(sinks, False))
        for number, memory in enumerate(self.netlist.memories):
            if self.plan.lane_memories[number]:
                for column in range(len(memory.columns)):
                    yield from self._staged_write(number, column)
        yield from self._tapped()

    def _staged_write(self, number: int, column: int) -> Iterator[str]:
        width = self.netlist.memories[number].columns[column][1]
        for port, write in enumerate(self.netlist.memories[number].writes[column]):
            name = f"w{number}_{column}_{port}"
            yield f"int{storage(width)}_t {name}[LANES] WIDE;"
            sinks = [Sink(write.data, 64 if width > 32 else 32, f"{name}[l] = {{}};")]
            when = []
            if self.scalar(write.enable):
                when = [self._test(write.enable)]
            else:
                yield f"uint8_t e{name}[LANES] WIDE;"
                sinks.append(Sink(write.enable, 32, f"e{name}[l] = {{}};", "zero"))
            if not self.scalar(write.address):
                yield f"uint64_t p{name}[LANES] WIDE;"
                sinks.append(Sink(write.address, 64, f"p{name}[l] = {{}};", "zero"))
            yield from self._when(when, self._loops(sinks, False))

    def _when(self, conditions: list[str], lines: Iterable[str]) -> Iterator[str]:
        needed = [text for text in conditions if text != "1"]
        yield f"if ({' & '.join(needed)}) {{" if needed else "{"
        yield from (f"    {line}" for line in lines)
        yield "}"

    def _tapped(self) -> Iterator[str]:
        """Yield the deferred registers that kept ones want, where they want them."""
        wanted = self._wanted()
        by_condition: dict[str, list[int]] = {}
        for number, condition in sorted(wanted.items()):
            yield f"{self._type(number)} t{number}[LANES] WIDE;"
            by_condition.setdefault(condition, []).append(number)
        for text, name in self._conditions.items():
            yield f"const int64_t {name} = {text};"
        for condition, numbers in by_condition.items():
            sinks = [
                Sink(self.plan.whole(n), self.words.bits(n), f"t{n}[l] = {{}};") for n in numbers
            ]
            yield from self._when([condition], self._loops(sinks, False))

    def _wanted(self) -> dict[int, str]:
        """Return the deferred registers that kept ones want, with the condition for it."""
        plan, nodes = self.plan, self.netlist.nodes
        deferred = sum(1 << n for n in plan.deferred)
        terms: dict[int, list[str]] = {}

        def want(operand: Operand, condition: str) -> None:
            for n in {*sources(operand)}:
                if plan.lane[n] and plan.deferred_behind(n) & deferred:
                    terms.setdefault(n, []).append(condition)

        for number in plan.registers:
            if number not in plan.deferred:
                want(nodes[number].along[0], self._test(plan.group[number]))
        for number in reversed(plan.order):
            if number not in terms:
                continue
            condition, node = self._any(terms[number]), nodes[number]
            if node.kind in ("mux", "pmux") and all(self.scalar(test) for test in node.beside):
                tests = [self._test(test) for test in node.beside]
                none = "".join(f" & !{test}" for test in tests)
                want(node.along[0], f"({condition}{none})")
                for operand, test in zip(node.along[1:], tests, strict=True):
                    want(operand, f"({condition} & {test})")
            else:
                for operand in node.operands:
                    want(operand, condition)
        return {n: self._any(terms[n]) for n in plan.deferred if n in terms}

    def _any(self, conditions: list[str]) -> str:
        """Return a name for the condition that one of some conditions holds."""
        different = sorted({*conditions})
        if "1" in different:
            return "1"
        text = " | ".join(different)
        return self._conditions.setdefault(text, f"d{len(self._conditions)}")

    def _updates(self) -> Iterator[str]:
        """Yield the next words of the lane registers that are kept."""
        for enable, group in self._groups.items():
            members = [
                n
                for n in self.plan.registers
                if self.plan.group[n] == enable and n not in self.plan.deferred
            ]
            rings = {self._ring(n) for n in members}
            lines = [
                f"const int64_t n{group}_{ring} = h{group}_{ring} + 1 < {ring} ? h{group}_{ring} + 1 : 0;"
                for ring in sorted(rings)
            ]
            sinks = [self._update(n, group) for n in members]
            lines += self._loops(sinks, True)
            lines += [f"m->head{group}_{ring} = n{group}_{ring};" for ring in sorted(rings)]
            lines.append(f"m->age{group} = a{group} < 4096 ? a{group} + 1 : a{group};")
            yield from self._when([self._test(enable)], lines)

    def _update(self, number: int, group: int) -> Sink:
        place = f"n{group}_{self._ring(number)}"
        store = f"m->r{number}[{place}][l] = {{}};"
        return Sink(self.netlist.nodes[number].along[0], self.words.bits(number), store)

    def _stores(self) -> Iterator[str]:
        """Yield what is written into memories."""
        for number, memory in enumerate(self.netlist.memories):
            if self.plan.lane_memories[number]:
                for column in range(len(memory.columns)):
                    for port in range(len(memory.writes[column])):
                        yield from self._lane_store(number, column, port)
            elif memory.writes[0]:
                enables = {self._test(w.enable) for column in memory.writes for w in column}
                yield from self._when(
                    [f"({' | '.join(sorted(enables))})"], self._scalar_stores(number)
                )

    def _scalar_stores(self, number: int) -> Iterator[str]:
        memory = self.netlist.memories[number]
        for column, writes in enumerate(memory.writes):
            for write in writes:
                address = self.words.fetch(write.address, 64, "zero", self._scalar_name).text
                data = self.words.fetch(write.data, 64, "any", self._scalar_name).text
                test = self._test(write.enable)
                yield f"if ({test} && (uint64_t){address} < {memory.depth})"
                yield f"    m->M{number}[{address}][{column}] = {data};"

    def _lane_store(self, number: int, column: int, port: int) -> Iterator[str]:
        memory = self.netlist.memories[number]
        write, name = memory.writes[column][port], f"w{number}_{column}_{port}"
        address, conditions = f"p{name}[l]", []
        if self.scalar(write.address):
            address = self.words.fetch(write.address, 64, "zero", self._scalar_name).text
        if self.scalar(write.enable):
            conditions.append(self._test(write.enable))
        inside = f"(uint64_t){address} < {memory.depth}"
        if self.scalar(write.address):
            conditions.append(f"({inside})")
        tests = [] if self.scalar(write.address) else [inside]
        tests += [] if self.scalar(write.enable) else [f"e{name}[l]"]
        store = f"m->M{number}_{column}[{address}][l] = {name}[l];"
        body = f"if ({' && '.join(tests)}) {store}" if tests else store
        yield from self._when(conditions, [f"LOOP {{ {body} }}"])

    def _commits(self) -> Iterator[str]:
        """Yield the next words of the scalar registers."""
        for number, node in enumerate(self.netlist.nodes):
            if node.kind == "reg" and not self.plan.lane[number]:
                data = self.words.fetch(node.along[0], 64, "any", self._scalar_name).text
                test = self._test(node.beside[0])
                yield f"m->q{number} = {data if test == '1' else f'{test} ? {data} : s{number}'};"
