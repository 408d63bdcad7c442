"""C source of a netlist: one function that goes through one clock cycle in all lanes."""

from collections.abc import Iterator

from .lanes_loops import Sink
from .lanes_netlist import Operand
from .lanes_outline import outlined
from .lanes_plan import sources
from .lanes_ranges import storage
from .lanes_state import State

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


class Source(State):
    """Writes the source of one netlist; see `Loops`."""

    def text(self) -> str:
        """Return the source."""
        body = [*self._scalars(), *self._staged()]
        body += ["if (!commit) return;", *self._updates(), *self._stores(), *self._commits()]
        self._state()
        functions, body = outlined(body)
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
            *functions,
            "static void step(model *restrict m, int commit)",
            "{",
            *(f"    {line}" for line in body),
            "}",
        ]
        return "\n".join(lines) + "\n"

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
                text = self.words.compute(number, self._scalar_name).text
                yield f"const int64_t s{number} = {text};"
        for port, operands in self.netlist.outputs.items():
            for piece, operand in enumerate(operands):
                if self.scalar(operand):
                    value = self.words.fetch(operand, 64, "zero", self._scalar_name)
                    yield f"m->y_{port}[{piece}] = {value.text};"
        for group, ring in self._heads():
            yield f"const int64_t h{group}_{ring} = m->head{group}_{ring};"
        for group in self._groups.values():
            yield f"const int64_t a{group} = m->age{group};"

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
            lines = []
            for ring in sorted(rings):
                head = f"h{group}_{ring}"
                lines.append(
                    f"const int64_t n{group}_{ring} = {head} + 1 < {ring} ? {head} + 1 : 0;"
                )
            sinks = [self._update(n, group) for n in members]
            lines += self._loops(sinks, True)
            lines += [f"m->head{group}_{ring} = n{group}_{ring};" for ring in sorted(rings)]
            lines.append(f"m->age{group} = a{group} < 4096 ? a{group} + 1 : a{group};")
            yield from self._when([self._test(enable)], lines)

    def _update(self, number: int, group: int) -> Sink:
        place = f"n{group}_{self._ring(number)}"
        store = f"m->r{number}[{place}][l] = {{}};"
        return Sink(self.netlist.nodes[number].along[0], self.words.bits(number), store)
