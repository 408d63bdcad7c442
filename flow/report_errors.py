"""Errors in a report: what rounding dropped beside the uniform model, and curves on their codes."""

from collections.abc import Sequence

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import FixedType, Format
from bittrue.model.modes import Rounding

from .report_page import Facts, Figure, Figures, Group, Line, Table
from .report_schema import Bins, CurveDrawn, Deviation, Dropped
from .report_svg import Plot, number, spanned
from .report_tensors import count_axis, rounded

BY_SIGN = (Rounding.TRN_ZERO.value, Rounding.RND_ZERO.value, Rounding.RND_INF.value)
"""Modes whose errors depend on the sign of what is rounded."""


def uniform_model(bins: Bins, centres: Sequence[tuple[float, float]], words: int) -> list[float]:
    """Return how many words a uniform model expects in each bin.

    Parameters
    ----------
    bins : Bins
        In LSB.
    centres : sequence of (float, float)
        Middles of intervals one LSB wide, and the share of words in each.
    words : int
        In all.
    """
    lows = bins.first + bins.width * np.arange(len(bins.counts))
    expected = np.zeros(len(bins.counts))
    for centre, share in centres:
        inside = np.minimum(lows + bins.width, centre + 0.5) - np.maximum(lows, centre - 0.5)
        expected += words * share * np.clip(inside, 0.0, None)
    return [float(value) for value in expected]


def centres_of(mode: str, dropped: int, bias: float) -> list[tuple[float, float]]:
    """Return where a mode's errors lie: middles of intervals of one LSB, and their shares.

    Errors of modes that round negative words another way lie in two intervals, one for each sign;
    the bias says how many words are in which.
    """
    if mode not in BY_SIGN or not dropped:
        return [(bias, 1.0)]
    offset = 2.0**-dropped / 2
    if mode == Rounding.TRN_ZERO.value:
        offset = 0.5 - offset
    share = min(max((bias / offset + 1) / 2, 0.0), 1.0)
    return [(offset, share), (-offset, 1 - share)]


def rounding_group(dropped: Sequence[Dropped], deviations: Sequence[Deviation]) -> Group:
    """Return the distributions of errors, of each stage and against the golden model."""
    figures = []
    for one in dropped:
        name = f"layer {one.layer}, {one.stage}, {one.format}, {one.mode}"
        centres = centres_of(one.mode, one.dropped, one.theory.bias or 0.0)
        title = f"Rounding of {name}: {one.dropped} bits dropped"
        figures.append(_distribution(title, one, centres))
    off = [
        _distribution(
            f"Layer {one.layer}, {one.format}: fixed less golden model", one, [(0.0, 1.0)]
        )
        for one in deviations
    ]
    blocks: list[Figures | Line] = [
        Line("Lines are the uniform model: errors spread evenly over one LSB, as the mode says.")
    ]
    blocks += [Figures(part) for part in (figures, off) if part]
    return Group("Distributions of errors", blocks)


def _distribution(title: str, found: Deviation, centres: Sequence[tuple[float, float]]) -> Figure:
    """Draw errors as bars and what the uniform model expects as a line."""
    bins = found.bins
    expected = uniform_model(bins, centres, found.words)
    lows = [bins.first + bins.width * at for at in range(len(bins.counts) + 1)]
    ends = spanned([lows[0], lows[-1], *(at + side for at, _ in centres for side in (-0.5, 0.5))])
    plot = Plot(ends, count_axis([*bins.counts, *expected]), ("error, LSB", "words"))
    for low, high, count in zip(lows[:-1], lows[1:], bins.counts, strict=True):
        if count:
            plot.bar((low, high), count, "c0", f"{number(low)} to {number(high)}: {count} words")
    steps: list[tuple[float, float | None]] = []
    for low, high, value in zip(lows[:-1], lows[1:], expected, strict=True):
        steps += [(low, value), (high, value)]
    plot.through(steps, "model")
    told = (
        f"Bias {rounded(found.bias)}, {rounded(found.theory.bias)} in theory; variance "
        f"{rounded(found.variance)}, {rounded(found.theory.variance)} in theory; "
        f"{found.words} words."
    )
    rows = [
        [number(low + bins.width / 2), str(count), f"{value:.1f}"]
        for low, count, value in zip(lows[:-1], bins.counts, expected, strict=True)
        if count or value
    ]
    table = Table(title, ("error, LSB", "words", "uniform model"), rows)
    return Figure(f"{title}. {told}", plot.markup(f"{title}. {told}"), table)


def curve_groups(curves: Sequence[CurveDrawn]) -> list[Group]:
    """Return each curve beside its function, and its error on codes."""
    return [_curve(curve) for curve in curves]


def _curve(curve: CurveDrawn) -> Group:
    layers = ", ".join(map(str, curve.layers))
    word = "layer" if len(curve.layers) == 1 else "layers"
    followed = "" if curve.function is None else f" for {curve.function}"
    title = f"Curve {curve.name}{followed}, {word} {layers}"
    output = _output_of(curve)
    pairs = [("input", str(curve.input)), ("output", curve.output)]
    pairs += [("segments", f"{curve.segments}, {'' if curve.mirrored else 'not '}mirrored")]
    if curve.errors is not None:
        found = curve.errors
        pairs += [
            ("maximum absolute error", f"{rounded(found.maximum_lsb)} LSB at {found.maximum_at}"),
            ("mean absolute error", f"{rounded(found.mean_lsb)} LSB"),
            ("from the correctly rounded function", f"{found.rounded_lsb} LSB at most"),
            ("correctly rounded", f"{found.correctly_rounded:.2%} of all codes"),
            ("monotone", "yes" if found.monotone else "no"),
        ]
    figures = [_values(curve, output, title)]
    errors = _errors(curve)
    return Group(title, [Facts(pairs), Figures([*figures, *([errors] if errors else [])])])


def _output_of(curve: CurveDrawn) -> Format:
    try:
        return FixedType.parse(curve.output).format
    except BittrueError:
        return curve.input


def _values(curve: CurveDrawn, output: Format, title: str) -> Figure:
    """Draw a curve's outputs over its inputs, the function behind them."""
    found = curve.samples
    pairs = list(zip(found.codes, found.outputs, strict=False))
    x = [code * curve.input.lsb for code, _ in pairs]
    y = [code * output.lsb for _, code in pairs]
    exact = (found.exact or [None] * len(x))[: len(x)]
    plot = Plot(spanned(x), spanned([*y, *exact]), ("pre-activation", "output"))
    plot.through(zip(x, exact, strict=False), "behind")
    plot.through(list(zip(x, y, strict=True)), "c0")
    starts = {*curve.breakpoints, *(-at for at in curve.breakpoints if curve.mirrored)}
    for at in sorted(starts):
        if plot.x.low <= at * curve.input.lsb <= plot.x.high:
            plot.upright(at * curve.input.lsb, "breakpoint")
    label = f"{title}: output over pre-activation; the function is the wide line behind"
    rows = [
        [str(code), number(value), str(out), number(result), rounded(true, "")]
        for (code, out), value, result, true in zip(pairs, x, y, exact, strict=False)
    ][:: max(1, len(pairs) // 48)]
    columns = ("code", "pre-activation", "output code", "output", "function")
    table = Table("Some codes of the curve", columns, rows)
    return Figure(f"{title}. Uprights are breakpoints.", plot.markup(label), table)


def _errors(curve: CurveDrawn) -> Figure | None:
    """Draw least and greatest error between codes that are drawn."""
    found = curve.samples
    ends = [
        (code * curve.input.lsb, low, high)
        for code, low, high in zip(found.codes, found.least or (), found.most or (), strict=False)
        if low is not None and high is not None
    ]
    if not ends:
        return None
    xs, lows, highs = ([end[at] for end in ends] for at in range(3))
    plot = Plot(spanned(xs), spanned([*lows, *highs], zero=True), ("pre-activation", "error, LSB"))
    zero = plot.y.at(0.0)
    plot.between(xs, lows, highs)
    plot.add("line", x1=plot.x.start, x2=plot.x.stop, y1=zero, y2=zero, kind="axis")
    caption = (
        f"Error of {curve.name} on its codes, from {number(min(lows))} to {number(max(highs))} LSB"
    )
    rows = [[number(x), number(low), number(high)] for x, low, high in ends]
    table = Table(
        "Least and greatest error, part by part",
        ("from pre-activation", "least, LSB", "greatest, LSB"),
        rows[:: max(1, len(rows) // 48)],
    )
    return Figure(f"{caption}.", plot.markup(caption), table)
