"""What a model holds: its declaration, its power-up, and what a clock edge writes."""

from collections.abc import Iterator

from .lanes_loops import Loops
from .lanes_ranges import literal, storage


class State(Loops):
    """State of one netlist; see `Loops`."""

    def _field(self, line: str) -> None:
        self._fields.append(line)

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
        """Yield the next words of the scalar registers, those of one enable together."""
        groups: dict[str, list[str]] = {}
        for number, node in enumerate(self.netlist.nodes):
            if node.kind == "reg" and not self.plan.lane[number]:
                data = self.words.fetch(node.along[0], 64, "any", self._scalar_name).text
                groups.setdefault(self._test(node.beside[0]), []).append(f"m->q{number} = {data};")
        for test, lines in groups.items():
            yield from self._when([test], lines)
