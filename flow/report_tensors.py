"""Formats and ranges in a report: a table, and log2 histograms against each format's window."""

from collections.abc import Sequence

from bittrue.model.formats import Format

from .report_page import Cell, Figure, Figures, Group, Line, Table
from .report_schema import Magnitudes, Tensor
from .report_svg import Plot, number

LOWEST = 0.5
"""Lower end of a logarithmic axis of counts, so that one word can be seen."""

WINDOW = (
    "In the histograms, what a format holds is shaded, from its LSB up to its largest magnitude; "
    "words to the right of that are too large for it, words to the left smaller than an LSB."
)


def tensor_groups(tensors: Sequence[Tensor]) -> list[Group]:
    """Return formats and ranges of all tensors, and the histograms of each layer."""
    blocks = [Group("Formats and ranges", [ranges_table(tensors), Line(WINDOW)])]
    if all(tensor.magnitudes is None for tensor in tensors):
        blocks = [Group("Formats and ranges", [ranges_table(tensors)])]
    for layer in sorted({tensor.layer for tensor in tensors}):
        figures = [
            _histogram(tensor, tensor.magnitudes)
            for tensor in tensors
            if tensor.layer == layer and tensor.magnitudes is not None
        ]
        if figures:
            title = f"Layer {layer}: magnitudes against the window of each format"
            blocks.append(Group(title, [Figures(figures)]))
    return blocks


def ranges_table(tensors: Sequence[Tensor]) -> Table:
    """Return what each tensor is given, needs and loses."""
    columns = (
        *("tensor", "format", "seen", "guaranteed"),
        *("integer bits needed", "given", "words saturated", "of"),
    )
    return Table("Ranges, and words that do not fit", columns, [_row(row) for row in tensors], 2)


def _row(row: Tensor) -> list[str | Cell]:
    saturated = "–" if row.saturated is None else str(row.saturated)
    return [
        f"layer {row.layer}, {row.tensor}",
        str(row.format),
        "–" if row.seen is None else _ends(row.seen),
        _ends(row.guaranteed),
        str(row.bits_needed),
        Cell(str(row.bits_given), "warn" if row.bits_given < row.bits_needed else ""),
        Cell(saturated, "warn" if row.saturated else ""),
        "–" if row.seen is None else str(row.words),
    ]


def _ends(ends: Sequence[float]) -> str:
    return f"{ends[0]:.4g} … {ends[1]:.4g}"


def window_of(format: Format) -> tuple[int, int]:
    """Return log2 of a format's LSB, and of the magnitude that is too large for it."""
    return -format.frac, format.width - format.frac - format.signed


def _histogram(tensor: Tensor, found: Magnitudes) -> Figure:
    """Draw how many words have which magnitude, and which of them the format holds."""
    lsb, top = window_of(tensor.format)
    counts = found.counts
    last = found.first + len(counts)
    above = sum(count for at, count in enumerate(counts, found.first) if at >= top)
    below = sum(count for at, count in enumerate(counts, found.first) if at < lsb)
    ends = min(found.first if counts else lsb, lsb) - 1, max(last if counts else top, top) + 1
    name = f"{tensor.tensor} of layer {tensor.layer}, {tensor.format}"
    plot = Plot(
        (float(ends[0]), float(ends[1])),
        (LOWEST, max([*counts, 1]) * 1.5),
        ("log2 of the magnitude", "words"),
        log=(False, True),
        whole=True,
    )
    left, right = plot.x.at(lsb), plot.x.at(top)
    plot.add(
        "rect",
        x=left,
        y=plot.y.stop,
        width=max(right - left, 0.5),
        height=plot.y.start - plot.y.stop,
        kind="window",
    )
    for at, count in enumerate(counts, found.first):
        if count:
            kind = "over" if at >= top else "under" if at < lsb else "c0"
            plot.bar((at, at + 1), count, kind, f"2^{at} to 2^{at + 1}: {count} words")
    caption = f"{name}. {_outside(above, below, found.zeros)}"
    label = f"Histogram of {name}, which holds magnitudes from 2^{lsb} to below 2^{top}. "
    rows = [[f"2^{at} to 2^{at + 1}", str(n)] for at, n in enumerate(counts, found.first) if n]
    table = Table(f"Words of {name}", ("magnitude", "words"), [["0", str(found.zeros)], *rows])
    return Figure(caption, plot.markup(label + _outside(above, below, found.zeros)), table)


def _outside(above: int, below: int, zeros: int) -> str:
    """Say how many words lie beside the window."""
    sides = ((above, "above the window"), (below, "below the LSB"), (zeros, "zero"))
    said = [f"{count} {where}" for count, where in sides if count]
    return f"{', '.join(said) if said else 'All words inside the window'}."


def count_axis(counts: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis from zero to a little above the largest count."""
    return 0.0, max([*counts, 1.0]) * 1.06


def rounded(value: float | None, form: str = ".4g") -> str:
    """Return a number with some digits; a dash where there is none."""
    return "–" if value is None else number(value) if form == "" else f"{value:{form}}"
