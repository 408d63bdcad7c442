"""A report as one HTML page: blocks of text, tables and drawings, put into a template."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, ClassVar, NamedTuple

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = "templates"
POLICY = (
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
    "style-src '{style}'; script-src '{script}'"
)
"""What the page may load: nothing but its own style sheet and script, each by its digest."""


class Cell(NamedTuple):
    """Text in a table, with a class of the style sheet."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of text under a caption.

    Members
    -------
    caption : str
        What it shows.
    columns : sequence of str
        Their headings.
    rows : sequence of sequences of str or Cell
        As many cells each as there are columns.
    words : int
        How many columns, from the left, are words; the others are numbers.
    """

    block: ClassVar[str] = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    words: int = 1


@dataclass(frozen=True)
class Figure:
    """A drawing, its caption, and its numbers.

    Members
    -------
    caption : str
        Below it; may be longer than a line.
    drawing : Markup
        SVG with a label.
    table : Table or None
        The numbers that are drawn.
    wide : bool
        Whether it may be wider than the page, and is scrolled.
    """

    block: ClassVar[str] = "figure"
    caption: str
    drawing: Markup
    table: Table | None = None
    wide: bool = False


@dataclass(frozen=True)
class Figures:
    """Drawings side by side."""

    block: ClassVar[str] = "figures"
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Facts:
    """Names and what stands behind them."""

    block: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Line:
    """A line of text, with a class of the style sheet."""

    block: ClassVar[str] = "line"
    text: str
    kind: str = ""


@dataclass(frozen=True)
class Group:
    """Blocks under a heading; folded up where `folded`."""

    block: ClassVar[str] = "group"
    title: str
    blocks: Sequence[Any]
    folded: bool = False


@dataclass(frozen=True)
class Option:
    """A design that can be selected.

    Members
    -------
    cells : sequence of str
        Its row of the table.
    facts : Facts
        All that is known of it.
    design : str
        Digest.
    file : int or None
        Number of its file among those of the page.
    chosen : bool
        Whether it is selected at first.
    """

    cells: Sequence[str]
    facts: Facts
    design: str
    file: int | None
    chosen: bool


@dataclass(frozen=True)
class Front:
    """Designs of which one can be selected, in drawings and in a table."""

    block: ClassVar[str] = "front"
    figures: Figures
    caption: str
    columns: Sequence[str]
    options: Sequence[Option]


@dataclass(frozen=True)
class Section:
    """What one result comes to.

    Members
    -------
    anchor : str
        Its name in links.
    title : str
        Heading.
    blocks : sequence
        Of it.
    designs : sequence
        Files that can be taken: of each, texts and numbers of parts in `parts`.
    parts : sequence of str
        Text that several files share.
    """

    anchor: str
    title: str
    blocks: Sequence[Any]
    designs: Sequence[Sequence[str | int]] = field(default=())
    parts: Sequence[str] = field(default=())


class Told(NamedTuple):
    """A line of the verdict: class, text, and the section that it leads to."""

    kind: str
    text: str
    anchor: str


class Head(NamedTuple):
    """The top of a page.

    Members
    -------
    verdict : str
        In a word or two.
    kind : str
        Class of the style sheet.
    lines : sequence of Told
        What it rests on.
    """

    verdict: str
    kind: str
    lines: Sequence[Told]


def page(head: Head, sections: Sequence[Section], versions: Mapping[str, str]) -> str:
    """Return a report as HTML.

    Parameters
    ----------
    head : Head
        The verdict.
    sections : sequence of Section
        In order.
    versions : mapping
        Of the packages that drew it.
    """
    style, script = _template("report.css"), _template("report.js")
    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html").render(
        policy=POLICY.format(style=_digest(style), script=_digest(script)),
        style=Markup(style),
        script=Markup(script),
        head=head,
        sections=sections,
        versions=versions,
    )


def _template(name: str) -> str:
    return files(__package__).joinpath(TEMPLATES, name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """Return what a policy calls a style sheet or script by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
