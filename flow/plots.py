"""Pictures, as SVG that is the same byte for byte whenever it is drawn again."""

import io

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from bittrue.model.curve_errors import CurveErrors, function_named
from bittrue.model.curves import Curve
from bittrue.model.formats import decode

MAX_POINTS = 4000


def curve_figure(
    curve: Curve, errors: CurveErrors, function: str, range: tuple[float, float] | None = None
) -> str:
    """Draw a curve beside its function, and its error in LSB below.

    Parameters
    ----------
    curve : Curve
        What is drawn.
    errors : CurveErrors
        What was measured of it.
    function : str
        Name of the function it stands for.
    range : (float, float), optional
        Where the function is followed.

    Returns
    -------
    str
        SVG.
    """
    codes = curve.input.codes()
    if len(codes) > MAX_POINTS:
        kept = np.linspace(0, len(codes) - 1, MAX_POINTS).astype(np.int64)
        at = np.searchsorted(codes, [errors.maximum_at])
        codes = codes[np.unique(np.concatenate([kept, at]))]
    x, y = decode(codes, curve.input), decode(curve.evaluate(codes), curve.output.format)
    exact = function_named(function)(np.clip(x, *(range or (-np.inf, np.inf))))

    figure = Figure(figsize=(8, 6), layout="constrained")
    FigureCanvasSVG(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    above.plot(x, exact, color="0.6", linewidth=3, label=function)
    above.plot(x, y, color="C0", linewidth=1, label=f"{curve.name}, {curve.rows} segments")
    starts = np.array([start for start, _ in curve.ends()][1:], dtype=np.int64)
    if curve.mirror is not None:
        starts = np.concatenate([-starts, starts])
    starts = starts[(starts >= curve.input.min_code) & (starts <= curve.input.max_code)]
    above.plot(
        decode(starts, curve.input),
        decode(curve.evaluate(starts), curve.output.format),
        "C1.",
        label="breakpoints",
    )
    above.set_title(f"{curve.name}: {curve.input} to {curve.output.format}")
    above.set_ylabel("value")
    above.legend()
    below.plot(x, (y - exact) / curve.output.format.lsb, color="C3", linewidth=0.8)
    below.axhline(0, color="0.8", linewidth=0.8)
    below.set_ylabel("error, LSB")
    below.set_xlabel("pre-activation")
    above.grid(alpha=0.3)
    below.grid(alpha=0.3)
    return as_svg(figure)


def as_svg(figure: Figure) -> str:
    """Return a figure as SVG, the same byte for byte whenever it is drawn."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "bittrue", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
