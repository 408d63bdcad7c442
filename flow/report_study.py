"""A study in a report: figures over word lengths, where errors come from, published figures."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .report_page import Cell, Facts, Figure, Figures, Group, Line, Section, Table
from .report_results import Stored
from .report_schema_many import (
    AtWidth,
    MeanOf,
    ReferenceFound,
    StudyLine,
    StudyPoint,
    StudyResult,
)
from .report_svg import COLORS, MARKS, Plot, spanned
from .report_tensors import rounded
from .report_verify import configuration, said

Value = Callable[[AtWidth], MeanOf]
Pair = tuple[float, float | None]

ALL = "all"
SHOWN_WIDTH = 8
"""Width that stages are shown at, or the nearest to it that was measured."""


def study_section(anchor: str, stored: Stored, found: StudyResult) -> Section:
    """Return a study as a section."""
    sizes = "-".join(map(str, found.layers))
    blocks: list[Any] = [Facts(list(_about(found)))]
    if found.reference is not None:
        blocks.append(_reference(found.reference))
    blocks += _over_widths(found)
    blocks += _budget(found.points)
    blocks += _stages(found.points)
    blocks += _reasons(found.points)
    about = [("result", stored.digest), ("data", f"{found.data}, {found.data_digest}")]
    blocks.append(configuration(about, config=found.config, versions=found.versions))
    return Section(anchor, f"Study of {sizes} on {found.data}", blocks)


def _about(found: StudyResult) -> Iterator[tuple[str, str]]:
    yield "network", "trained for the study" if found.network is None else found.network
    yield "samples", f"{found.samples}, {found.part}"
    seeds = [seed for seed in found.seeds if seed is not None]
    if seeds:
        yield "seeds", said(seeds)
    yield "accuracy of the golden model", ", ".join(f"{a:.4f}" for a in found.golden_accuracy)


def _reference(found: ReferenceFound) -> Group:
    """Return figures beside the published ones."""
    rows: list[list[str | Cell]] = []
    for row in found.figures:
        verdict = Cell("agrees", "good") if row.within else Cell("differs", "bad")
        rows.append(
            [
                row.figure,
                "golden" if row.width is None else str(row.width),
                _mean(row.found, ".4g"),
                f"{row.published:.4g}",
                rounded(row.difference),
                f"{row.allowed:.3g}",
                verdict,
            ]
        )
    columns = ("figure", "width", "found", "published", "difference", "allowed", "verdict")
    return Group(
        f"Beside the figures of {found.file}",
        [
            Line(found.verdict, "good" if found.agrees else "bad"),
            Line(f"Source: {found.source}"),
            Table(found.line, columns, rows),
        ],
    )


def _over_widths(found: StudyResult) -> Iterator[Group]:
    if not found.summary:
        return
    theory: dict[float, float | None] = {
        float(row.width): row.theory_sqnr for line in found.summary for row in line.widths
    }
    reached = sum(found.golden_accuracy) / max(len(found.golden_accuracy), 1)
    figures = [
        _lines("SQNR of the outputs", "SQNR, dB", found.summary, _sqnr, sorted(theory.items())),
        _lines("Accuracy", "accuracy", found.summary, _accuracy, [(w, reached) for w in theory]),
        _lines("Agreement with the golden model", "agreement", found.summary, _agreement),
    ]
    told = "Dashed lines: output rounding alone, 6.02 dB a bit; accuracy of the golden model."
    rows = [_row(line.line, row) for line in found.summary for row in line.widths]
    columns = (
        *("curve, modes", "width", "accuracy", "agreement", "SQNR, dB"),
        *("maximum error", "mean absolute", "RMS", "bias"),
    )
    per_bit = [
        (line.line, f"{line.db_per_bit:.2f} dB a bit, 6.02 in theory")
        for line in found.summary
        if line.db_per_bit is not None
    ]
    blocks = [Line(told), Figures(figures), Facts(per_bit)]
    yield Group(
        "Over word lengths", [*blocks, Table("Means over seeds ± standard errors", columns, rows)]
    )


def _sqnr(row: AtWidth) -> MeanOf:
    return row.sqnr


def _accuracy(row: AtWidth) -> MeanOf:
    return row.accuracy


def _agreement(row: AtWidth) -> MeanOf:
    return row.agreement


def _row(name: str, row: AtWidth) -> list[str]:
    shares = (_mean(mean, ".4f") for mean in (row.accuracy, row.agreement))
    errors = (rounded(mean.mean, ".2e") for mean in (row.maximum, row.mean, row.rms, row.bias))
    return [name, str(row.width), *shares, _mean(row.sqnr, ".2f"), *errors]


def _mean(mean: MeanOf, form: str) -> str:
    text = rounded(mean.mean, form)
    error = mean.standard_error
    return text if error is None else f"{text} ± {error:{form}}"


def _lines(
    title: str, name: str, lines: Sequence[StudyLine], value: Value, dashed: Sequence[Pair] = ()
) -> Figure:
    """Draw a figure over widths, a line for each curve and modes."""
    drawn = {
        line.line: [(float(row.width), value(row).mean) for row in line.widths] for line in lines
    }
    return chart(title, ("width, bits", name), drawn, sorted(dashed))


def chart(
    title: str,
    names: tuple[str, str],
    lines: dict[str, list[Pair]],
    dashed: Sequence[Pair] = (),
    *,
    log: bool = False,
) -> Figure:
    """Draw lines with marks, named below.

    Parameters
    ----------
    title : str
        What is drawn.
    names : (str, str)
        Of the axes.
    lines : dict of str to list of (float, float or None)
        Points, by name.
    dashed : sequence of (float, float or None), optional
        A line to compare with.
    log : bool
        Whether the vertical axis is logarithmic; points not above zero are then left out.
    """
    if log:
        lines = {
            name: [(x, y if y is not None and y > 0 else None) for x, y in line]
            for name, line in lines.items()
        }
    every = [pair for line in (*lines.values(), dashed) for pair in line if pair[1] is not None]
    ys = [y for _, y in every if y is not None]
    ends = (min(ys, default=1.0) / 2, max(ys, default=1.0) * 2) if log else spanned(ys)
    rows = (len(lines) + 1) // 2
    plot = Plot(spanned([x for x, _ in every]), ends, names, log=(False, log), whole=True)
    plot.through(dashed, "model")
    for at, (name, line) in enumerate(lines.items()):
        plot.through(line, f"c{at % COLORS}")
        for x, y in line:
            if y is not None:
                text = f"{name}: {y:.4g} at {x:g} bits"
                plot.mark(plot.at(x, y), at, f"c{at % COLORS}", text)
    _legend(plot, list(lines), rows)
    cells = [[name, f"{x:g}", rounded(y)] for name, line in lines.items() for x, y in line]
    table = Table(title, ("line", *names), cells)
    return Figure(title, plot.markup(f"{title}, for {', '.join(lines)}"), table)


def _legend(plot: Plot, names: Sequence[str], rows: int) -> None:
    """Draw marks and names below a plot, two in a row where there is room."""
    wide = any(len(name) > 22 for name in names)
    per_row = 1 if wide else 2
    for at, name in enumerate(names):
        x = 14 + (at % per_row) * plot.width / 2
        y = plot.height + 12 + at // per_row * 17
        plot.mark((x, y - 4), at % len(MARKS), f"c{at % COLORS}")
        plot.text(x + 10, y, name, "tick")
    plot.height += 8 + 17 * (len(names) if wide else rows)


def _budget(points: Sequence[StudyPoint]) -> Iterator[Group]:
    """Yield what each source contributes alone, for the first seed and line that has budgets."""
    found = [point for point in points if point.found is not None and point.found.budget]
    if not found:
        return
    first = found[0]
    modes = (first.curve, first.rounding, first.overflow, first.seed)
    same = [p for p in found if (p.curve, p.rounding, p.overflow, p.seed) == modes]
    lines: dict[str, list[Pair]] = {}
    rows = []
    for point in same:
        budget = point.found.budget if point.found else None
        if budget is None:
            continue
        total = budget.total.power
        powers = {name: alone.power for name, alone in budget.alone.items()}
        for name, power in {**powers, ALL: total}.items():
            lines.setdefault(name, []).append((float(point.width), power))
        shares = (_share(power, total) for power in (*powers.values(), budget.remainder))
        rows.append([str(point.width), *shares, rounded(total), rounded(budget.total.sqnr, ".2f")])
    title = f"Error budget of {first.curve}, {first.rounding}, {first.overflow}"
    told = (
        "Each source of errors switched on alone; the remainder is what they do to each other, "
        "below zero where they cancel."
    )
    drawn = chart(title, ("width, bits", "mean square error"), lines, log=True)
    names = first.found.budget.alone if first.found and first.found.budget else {}
    columns = ("width", *names, "remainder", "all: mean square", "SQNR, dB")
    table = Table("Share of the mean square error that each source has", columns, rows)
    yield Group(title, [Line(told), Figures([drawn]), table])


def _share(part: float | None, total: float | None) -> str:
    return "–" if part is None or not total else f"{part / total:.1%}"


def _stages(points: Sequence[StudyPoint]) -> Iterator[Group]:
    """Yield errors stage by stage, and roundings beside their theory, at one width."""
    widths = {point.width for point in points if point.found is not None}
    if not widths:
        return
    width = min(widths, key=lambda width: (abs(width - SHOWN_WIDTH), width))
    shown = next(point for point in points if point.found is not None and point.width == width)
    if shown.found is None:
        return
    lsb = [(stage, stage.format.lsb) for stage in shown.found.layers]
    rows = [
        [
            f"layer {stage.layer}, {stage.stage}",
            str(stage.format),
            *(
                rounded(None if value is None else value / one, ".3f")
                for value in (stage.errors.maximum, stage.errors.mean, stage.errors.bias)
            ),
            rounded(stage.errors.sqnr, ".2f"),
            str(stage.overflowed),
        ]
        for stage, one in lsb
    ]
    columns = ("stage", "format", "maximum", "mean absolute", "bias", "SQNR, dB", "overflowed")
    line = f"{shown.curve}, {shown.rounding}, {shown.overflow}"
    tables = [Table(f"{line}: stage by stage, in LSB", columns, rows, 2)]
    modes = [
        [
            f"{point.curve}, {point.rounding}, {point.overflow}",
            f"layer {mode.layer}",
            str(mode.dropped),
            *(rounded(x, ".4f") for x in (mode.measured.bias, mode.theory.bias)),
            *(rounded(x, ".4f") for x in (mode.measured.variance, mode.theory.variance)),
        ]
        for point in points
        if point.found is not None and (point.width, point.seed) == (width, shown.seed)
        for mode in point.found.modes
    ]
    columns = (
        "curve, modes",
        "layer",
        "bits dropped",
        "bias",
        "in theory",
        "variance",
        "in theory",
    )
    tables.append(Table("Rounding of pre-activations, in LSB", columns, modes, 2))
    yield Group(f"Stages and rounding modes at {width} bits", tables)


def _reasons(points: Sequence[StudyPoint]) -> Iterator[Group]:
    counts: dict[tuple[str, str], int] = {}
    for point in points:
        if point.reason:
            at = (f"{point.width} bits, {point.curve}", point.reason)
            counts[at] = counts.get(at, 0) + 1
    if counts:
        rows = [[what, why, str(count)] for (what, why), count in counts.items()]
        columns = ("choice", "reason", "points")
        yield Group("Not measured", [Table("Points that could not be made", columns, rows, 2)])
