"""How learning depends on width, as a figure."""

from collections.abc import Sequence

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .lessons import BENCH, Course, Lesson
from .plots import as_svg

MARKS = "osv^D<>P"


def learning_figure(course: Course, lessons: Sequence[Lesson]) -> str:
    """Draw scores and lost updates over width, a line a rounding mode.

    Returns
    -------
    str
        SVG, the same byte for byte for the same lessons.
    """
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    FigureCanvasSVG(figure)
    figure.suptitle(f"{course.title}, learning rate {course.rate:g}", parse_math=False)
    score, lost = figure.subplots(1, 2, sharex=True)
    fixed = [lesson for lesson in lessons if lesson.width]
    names = list(dict.fromkeys(lesson.rounding for lesson in fixed))
    for name, mark in zip(names, MARKS * len(names), strict=False):
        own = [lesson for lesson in fixed if lesson.rounding == name]
        widths = sorted({lesson.width for lesson in own})
        for axes, of in ((score, "score"), (lost, "lost")):
            by_width = [[getattr(x, of) for x in own if x.width == width] for width in widths]
            means = [sum(values) / len(values) for values in by_width]
            spread = [
                [mean - min(values) for mean, values in zip(means, by_width, strict=True)],
                [max(values) - mean for mean, values in zip(means, by_width, strict=True)],
            ]
            axes.errorbar(widths, means, spread, marker=mark, capsize=3, label=name)
    golden = [lesson.score for lesson in lessons if not lesson.width]
    if golden:
        mean = sum(golden) / len(golden)
        score.axhline(mean, color="k", linestyle="--", linewidth=1, label="golden network")
    if course.data == BENCH:
        score.set_yscale("log")
        score.set_title("distance from the golden network")
        score.set_ylabel("largest of ten queries, value")
    else:
        score.set_title("accuracy on held-out samples")
        score.set_ylabel("share of samples")
    lost.set_title("updates that were rounded away")
    lost.set_ylabel("share of updates that were not 0")
    for axes in (score, lost):
        axes.set_xlabel("width, bits; bars from least to most")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    score.legend(fontsize="small")
    return as_svg(figure)
