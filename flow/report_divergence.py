"""The first divergence in a report: its story, its bits, and a waveform of the words around it."""

from collections.abc import Sequence

from bittrue.model.formats import Format, decode
from bittrue.sim.divergence import Divergence, Seen, hex_word
from bittrue.sim.record import STAGES

from .report_page import Cell, Facts, Figure, Group, Line, Table
from .report_svg import CHARACTER, Drawing

ROWS = (*STAGES, "output stream")
LABELS = 104.0
"""Pixels for the names of rows."""

ROW, TOP = 52.0, 40.0
BIT = 16.0


def divergence_group(first: Divergence) -> Group:
    """Return what is known of a divergence."""
    blocks: list[Line | Facts | Figure] = [Line(first.line, "bad"), Facts(_facts(first))]
    if first.bits and first.format is not None:
        blocks.append(_bits(first, first.format))
    if first.around:
        blocks.append(_waveform(first))
    return Group("First divergence", blocks)


def _facts(first: Divergence) -> list[tuple[str, str]]:
    pairs = [
        ("kind", first.kind),
        ("session", str(first.session)),
        ("sample", str(first.sample)),
        ("layer, neuron", f"{first.layer}, {first.neuron}"),
        ("stage", first.stage),
        ("cycle", "none" if first.cycle is None else str(first.cycle)),
        ("expected", _word(first, first.expected)),
        ("actual", _word(first, first.actual)),
    ]
    if first.bits:
        pairs.append(("differing bits, lowest first", ", ".join(map(str, first.bits))))
    if first.inputs:
        format = first.input_format
        shown = (f"{code} ({decode(code, format):.6g})" for code in first.inputs[:64])
        more = "" if len(first.inputs) <= 64 else f", and {len(first.inputs) - 64} more"
        pairs.append((f"inputs of the layer, {format}", ", ".join(shown) + more))
    return pairs


def _word(first: Divergence, code: int | None) -> str:
    if code is None:
        return "nothing"
    if first.format is None:
        return str(code)
    return f"0x{hex_word(code, first.format)}, code {code}, {decode(code, first.format):.10g}"


def _bits(first: Divergence, format: Format) -> Figure:
    """Draw both words bit by bit."""
    drawing = Drawing(76 + format.width * BIT, 70)
    for row, (name, code) in enumerate((("expected", first.expected), ("actual", first.actual))):
        y = 38.0 + 22 * row
        drawing.text(4, y, name, "name")
        for bit in range(format.width):
            x = 72 + (format.width - 1 - bit) * BIT
            kind = "wrong" if bit in first.bits else "right"
            drawing.add("rect", x=x, y=y - 14, width=BIT - 2, height=19, kind=f"bit {kind}")
            text = str((code or 0) >> bit & 1)
            drawing.text(x + BIT / 2 - 1, y, text, f"digit {kind}", "middle")
            if row == 0 and (bit in first.bits or bit in (0, format.width - 1)):
                drawing.text(x + BIT / 2 - 1, 16, str(bit), "tick", "middle")
    listed = ", ".join(map(str, first.bits))
    caption = f"Both words bit by bit; bits {listed} differ."
    return Figure(caption, drawing.markup(f"{_words(first)} {caption}"), wide=True)


def _words(first: Divergence) -> str:
    return f"Expected {_word(first, first.expected)}; actual {_word(first, first.actual)}."


def _waveform(first: Divergence) -> Figure:
    """Draw the words of each stage, cycle by cycle; what differs stands above what should be."""
    cycles = sorted({word.cycle for word in first.around})
    rows = [name for name in ROWS if any(word.stage == name for word in first.around)]
    longest = max(len(text) for word in first.around for text in (word.actual, word.expected or ""))
    step = max(longest * CHARACTER + 26, 64.0)
    drawing = Drawing(LABELS + step * len(cycles) + 4, TOP + ROW * len(rows) + 4)
    drawing.text(4, 16, "cycle", "name")
    columns = {cycle: LABELS + step * at for at, cycle in enumerate(cycles)}
    if first.cycle in columns:
        at = columns[first.cycle]
        height = drawing.height - 4
        drawing.add("rect", x=at, y=2.0, width=step, height=height, kind="here")
    for cycle, at in columns.items():
        drawing.text(at + step / 2, 16, str(cycle), "tick", "middle")
        drawing.add("line", x1=at, x2=at, y1=22.0, y2=drawing.height, kind="grid")
    for number, name in enumerate(rows):
        y = TOP + ROW * number
        drawing.text(4, y + 14, name, "name")
        drawing.add("line", x1=LABELS, x2=drawing.width, y1=y + 10, y2=y + 10, kind="idle")
        for word in first.around:
            if word.stage == name:
                _bus(drawing, word, columns[word.cycle], y, step)
    caption = (
        f"Words of layer {first.layer} around the divergence, in cycles where there were some. "
        "Below each word stand sample/neuron; below one that differs, what was expected."
    )
    rows_of_table = [_table_row(word) for word in first.around]
    columns_of_table = ("cycle", "stage", "sample", "neuron", "expected", "actual")
    table = Table("Words around the divergence", columns_of_table, rows_of_table, 2)
    label = f"Waveform. {caption} {_differing(first.around)}"
    return Figure(caption, drawing.markup(label), table, wide=True)


def _bus(drawing: Drawing, word: Seen, at: float, y: float, step: float) -> None:
    """Draw a word as a box with slanted ends, and whose it is."""
    left, right, low, high = at + 3, at + step - 3, y + 20, y
    middle = (low + high) / 2
    corners = (
        *((left, middle), (left + 5, high), (right - 5, high)),
        *((right, middle), (right - 5, low), (left + 5, low)),
    )
    wrong = word.expected != word.actual
    kind = "wrong" if wrong else "right"
    place = f"sample {word.sample}, neuron {word.neuron}"
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    drawing.add("polygon", f"{word.stage}, {place}", points=points, kind=f"bus {kind}")
    drawing.text(at + step / 2, middle + 4, word.actual, f"digit {kind}", "middle")
    below = f"{word.sample}/{word.neuron}"
    if wrong:
        below = "≠ nothing" if word.expected is None else f"≠ {word.expected}"
    drawing.text(at + step / 2, low + 14, below, "wrong tick" if wrong else "tick", "middle")


def _differing(words: Sequence[Seen]) -> str:
    found = [word for word in words if word.expected != word.actual]
    listed = (f"{word.stage} in cycle {word.cycle}" for word in found)
    return f"Differing: {', '.join(listed)}." if found else "None of the words shown differs."


def _table_row(word: Seen) -> list[str | Cell]:
    kind = "bad" if word.expected != word.actual else ""
    return [
        str(word.cycle),
        word.stage,
        str(word.sample),
        str(word.neuron),
        "nothing" if word.expected is None else word.expected,
        Cell(word.actual, kind),
    ]
