"""Small drawings as SVG: scales, axes and marks, coloured by the page's style sheet.

Every drawing is as wide as a phone, so that its text is read there as it is drawn.
"""

from collections.abc import Iterable, Sequence
from math import ceil, floor, isfinite, log10
from typing import NamedTuple

from markupsafe import Markup

WIDTH = 340
HEIGHT = 220
MARGIN = 8
CHARACTER = 6.4
"""Width of a character of an axis, at most, in pixels."""

TICKS = 5
COLORS = 6
MARKS = ("circle", "square", "triangle", "diamond", "cross", "plus")

Point = tuple[float, float]


class Scale(NamedTuple):
    """Values along an axis.

    Members
    -------
    low, high : float
        Its ends; `high` above `low`, and with `log` both above zero.
    start, stop : float
        Where those are drawn, in pixels.
    log : bool
        Whether it is logarithmic.
    whole : bool
        Whether only integers are marked.
    """

    low: float
    high: float
    start: float
    stop: float
    log: bool = False
    whole: bool = False

    def at(self, value: float) -> float:
        """Return where a value is drawn."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = log10(low), log10(high), log10(max(value, low))
        share = (value - low) / (high - low)
        return self.start + min(max(share, 0.0), 1.0) * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Return the values that are marked."""
        if self.log:
            first, last = ceil(log10(self.low) - 1e-9), floor(log10(self.high) + 1e-9)
            if log10(self.high / self.low) < 2:
                powers = range(floor(log10(self.low)), last + 1)
                every = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
                return [value for value in every if self.low <= value <= self.high]
            stride = max(1, ceil((last - first) / TICKS))
            return [10.0**power for power in range(first, last + 1, stride)]
        step = _step((self.high - self.low) / TICKS)
        if self.whole:
            step = max(1.0, round(step))
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def _step(least: float) -> float:
    """Return the next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)


def spanned(values: Iterable[float | None], *, zero: bool = False) -> tuple[float, float]:
    """Return ends of a scale that values fit between, apart even where all are the same."""
    kept = [value for value in values if value is not None and isfinite(value)]
    if zero or not kept:
        kept.append(0.0)
    low, high = min(kept), max(kept)
    # below this, ends cannot be told apart in the numbers of an axis
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-90):
        room = abs(low) * 0.05 or 1.0
        return low - room, high + room
    room = (high - low) * 0.04
    return (low if zero and low == 0 else low - room), (high if zero and high == 0 else high + room)


def number(value: float) -> str:
    """Return a number as axes and tables show it."""
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.3g}"
    return f"{value:.6g}"


class Drawing:
    """An SVG drawing that is filled element by element.

    Parameters
    ----------
    width, height : float
        In pixels.
    """

    def __init__(self, width: float = WIDTH, height: float = HEIGHT) -> None:
        self.width, self.height = width, height
        self._parts: list[Markup] = []

    def add(self, name: str, text: str | None = None, /, **attributes: str | float) -> None:
        """Add an element; ``kind`` is its class, ``_`` in names becomes ``-``, text its title."""
        self._parts.append(_element(name, text, attributes))

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """Add text that starts, ends or is centred at a place."""
        tag = Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>')
        self._parts.append(tag.format(kind, _short(x), _short(y), anchor, text))

    def line(self, points: Sequence[Point], kind: str) -> None:
        """Add a line through points."""
        if points:
            path = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
            self.add("polyline", points=path, kind=f"line {kind}")

    def mark(self, at: Point, shape: int, kind: str, title: str | None = None) -> None:
        """Add a mark of a shape, by its number."""
        self.add("path", title, d=_mark(at, MARKS[shape % len(MARKS)]), kind=f"mark {kind}")

    def markup(self, label: str) -> Markup:
        """Return the drawing, with what it shows in words."""
        head = Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{}" '
            'viewBox="0 0 {} {}" width="{}" height="{}">'
        )
        size = _short(self.width), _short(self.height)
        return head.format(label, *size, *size) + Markup("").join(self._parts) + Markup("</svg>")


def _element(name: str, text: str | None, attributes: dict[str, str | float]) -> Markup:
    written = Markup("").join(
        Markup(' {}="{}"').format(
            "class" if key == "kind" else key.replace("_", "-"),
            value if isinstance(value, str) else _short(value),
        )
        for key, value in attributes.items()
    )
    title = Markup("<title>{}</title>").format(text) if text else Markup("")
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, title)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _mark(at: Point, shape: str, r: float = 4.0) -> str:
    x, y = at
    corners = {
        "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
        "triangle": ((0, -1.1), (1.05, 0.8), (-1.05, 0.8)),
        "diamond": ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)),
        "cross": ((-0.9, -0.9), (0.9, 0.9), (0, 0), (-0.9, 0.9), (0.9, -0.9), (0, 0)),
        "plus": ((-1.1, 0), (1.1, 0), (0, 0), (0, -1.1), (0, 1.1), (0, 0)),
    }
    if shape == "circle":
        left, size = f"M{_short(x - r)} {_short(y)}", f"{_short(r)} {_short(r)}"
        half = f"a{size} 0 1 0 {_short(2 * r)} 0"
        return f"{left}{half}a{size} 0 1 0 {_short(-2 * r)} 0z"
    places = (f"{_short(x + r * dx)} {_short(y + r * dy)}" for dx, dy in corners[shape])
    return f"M{'L'.join(places)}z"


class Plot(Drawing):
    """A drawing with two axes.

    Parameters
    ----------
    x, y : (float, float)
        Ends of the axes.
    names : (str, str)
        What the axes are.
    log : (bool, bool)
        Which of them are logarithmic.
    whole : bool
        Whether the horizontal axis marks integers only.
    height : float
        In pixels.
    """

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        names: tuple[str, str],
        *,
        log: tuple[bool, bool] = (False, False),
        whole: bool = False,
        height: float = HEIGHT,
    ) -> None:
        super().__init__(WIDTH, height)
        bottom, top = height - 40.0, 24.0
        self.y = Scale(*y, bottom, top, log[1])
        labels = [number(tick) for tick in self.y.ticks()]
        left = MARGIN + max((len(label) for label in labels), default=0) * CHARACTER + 6
        self.x = Scale(*x, left, WIDTH - MARGIN - 6.0, log[0], whole)
        self.text(MARGIN, 13, names[1], "name")
        self.text(WIDTH - MARGIN, height - 6, names[0], "name", "end")
        for tick, label in zip(self.y.ticks(), labels, strict=True):
            at = self.y.at(tick)
            self.add("line", x1=left, x2=self.x.stop, y1=at, y2=at, kind="grid")
            self.text(left - 5, at + 4, label, "tick", "end")
        self._mark_x(left, bottom)

    def _mark_x(self, left: float, bottom: float) -> None:
        self.add("line", x1=left, x2=self.x.stop, y1=bottom, y2=bottom, kind="axis")
        taken = 0.0
        for tick in self.x.ticks():
            at, label = self.x.at(tick), number(tick)
            half = len(label) * CHARACTER / 2
            self.add("line", x1=at, x2=at, y1=bottom, y2=bottom + 4, kind="axis")
            if taken <= at - half and at + half <= WIDTH:
                self.text(at, bottom + 16, label, "tick", "middle")
                taken = at + half + 4

    def at(self, x: float, y: float) -> Point:
        """Return where a point is drawn."""
        return self.x.at(x), self.y.at(y)

    def bar(self, ends: tuple[float, float], value: float, kind: str, title: str) -> None:
        """Draw a bar from the horizontal axis up to a value."""
        left, right = (self.x.at(end) for end in ends)
        top, bottom = self.y.at(value), self.y.start
        self.add(
            "rect",
            title,
            x=left,
            y=top,
            width=max(right - left - 0.5, 0.5),
            height=max(bottom - top, 0.0),
            kind=f"bar {kind}",
        )

    def through(self, points: Iterable[tuple[float, float | None]], kind: str) -> None:
        """Draw a line through points, with gaps where there is no value."""
        part: list[Point] = []
        for x, y in points:
            if y is None:
                self.line(part, kind)
                part = []
            else:
                part.append(self.at(x, y))
        self.line(part, kind)

    def between(self, xs: Sequence[float], low: Sequence[float], high: Sequence[float]) -> None:
        """Fill what lies between two lines."""
        there = [self.at(x, y) for x, y in zip(xs, high, strict=True)]
        back = [self.at(x, y) for x, y in zip(xs, low, strict=True)]
        path = " ".join(f"{_short(x)},{_short(y)}" for x, y in [*there, *reversed(back)])
        self.add("polygon", points=path, kind="band")

    def upright(self, x: float, kind: str) -> None:
        """Draw a line from bottom to top."""
        at = self.x.at(x)
        self.add("line", x1=at, x2=at, y1=self.y.start, y2=self.y.stop, kind=kind)
