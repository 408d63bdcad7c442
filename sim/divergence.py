"""One word that is not as expected, and its story."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from bittrue.model.formats import Format, decode


class Seen(NamedTuple):
    """One word that was seen.

    Members
    -------
    cycle : int
        When.
    stage : str
        Stage of the layer, or ``output stream``.
    sample, neuron : int
        Whose.
    expected, actual : str
        The word as `hex_word` writes it; expected is None where no word should be.
    """

    cycle: int
    stage: str
    sample: int
    neuron: int
    expected: str | None
    actual: str


@dataclass(frozen=True)
class Divergence:
    """One word that is not as expected.

    Members
    -------
    kind : {"mismatch", "missing", "extra", "counter", "framing", "port"}
        What is wrong.
    sample, layer, neuron : int
        Where; of the session.
    stage : str
        Stage of the layer, or ``output stream``, or which counter, or which port.
    format : Format or None
        Of the words; None for a counter.
    cycle : int or None
        When the actual word was seen.
    expected, actual : int or None
        Codes or counts; None for the one that is not there.
    inputs : tuple of int, input_format : Format
        The layer's inputs for the sample.
    session : int
        Number of the session.
    around : tuple of Seen
        Words of the layer around it, by cycle; of the first divergence only.
    """

    kind: str
    sample: int
    layer: int
    neuron: int
    stage: str
    format: Format | None
    cycle: int | None
    expected: int | None
    actual: int | None
    inputs: tuple[int, ...]
    input_format: Format
    session: int = 0
    around: tuple[Seen, ...] = ()

    @property
    def bits(self) -> tuple[int, ...]:
        """Numbers of the bits that differ, bit 0 lowest."""
        if self.expected is None or self.actual is None:
            return ()
        differing = self.expected ^ self.actual
        width = self.format.width if self.format else 32
        return tuple(bit for bit in range(width) if differing >> bit & 1)

    def to_json(self) -> dict[str, Any]:
        """Return the divergence as JSON."""
        return {
            "kind": self.kind,
            "session": self.session,
            "sample": self.sample,
            "layer": self.layer,
            "neuron": self.neuron,
            "stage": self.stage,
            "format": None if self.format is None else str(self.format),
            "bits": list(self.bits),
            "cycle": self.cycle,
            "expected": self._word(self.expected),
            "actual": self._word(self.actual),
            "inputs": list(self.inputs),
            "input_format": str(self.input_format),
            "around": [word._asdict() for word in self.around],
        }

    def _word(self, code: int | None) -> dict[str, Any] | None:
        if code is None:
            return None
        if self.format is None:
            return {"count": code}
        value = float(decode(code, self.format)) if self.format.holds(code) else None
        return {"hex": hex_word(code, self.format), "code": code, "value": value}

    def _told(self, code: int | None) -> str:
        if code is None:
            return "nothing"
        if self.format is None:
            return str(code)
        return f"0x{hex_word(code, self.format)} ({decode(code, self.format):.10g})"

    @property
    def line(self) -> str:
        """The divergence in one line."""
        where = f"session {self.session}, sample {self.sample}, layer {self.layer}"
        if self.kind == "counter":
            where = f"session {self.session}, layer {self.layer}"
        elif self.kind == "port":
            where = f"cycle {self.cycle}"
        elif self.kind != "framing":
            where += f", neuron {self.neuron}"
        told = f"expected {self._told(self.expected)}, actual {self._told(self.actual)}"
        return f"{self.kind} at {where}, {self.stage}: {told}"

    def __str__(self) -> str:
        lines = [self.line]
        if self.bits:
            lines.append(f"  bit {self.bits[0]} is the lowest that differs, of {list(self.bits)}")
        if self.cycle is not None:
            lines.append(f"  cycle {self.cycle}")
        if self.inputs:
            values = ", ".join(
                f"{code} ({decode(code, self.input_format):.6g})" for code in self.inputs
            )
            lines.append(f"  inputs of the layer, {self.input_format}: {values}")
        return "\n".join(lines)


def hex_word(code: int, format: Format) -> str:
    """Return a code as the hardware holds it: two's complement, lower case, zero-padded."""
    return f"{code & (1 << format.width) - 1:0{-(-format.width // 4)}x}"
