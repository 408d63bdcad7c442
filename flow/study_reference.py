"""Figures that others have published of the networks of a study, read from CSV."""

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bittrue.model.exceptions import BittrueError
from bittrue.model.files import read_text

GOLDEN = "golden"
"""What stands for a width in the row of the golden model."""

TOLERANCES = {"accuracy": 0.005, "agreement": 0.005, "sqnr": 0.5}
"""Figures that can be compared, and the difference that is always allowed: half a point, half a
dB."""

SHARES = ("accuracy", "agreement")


MOST_BYTES = 1 << 20
"""Bytes of a file of references."""


class Reference(NamedTuple):
    """Figures that others have published.

    Members
    -------
    name : str
        Of the file.
    source : str
        Where they come from.
    seeds : int or None
        How many networks theirs are means of; None where that is not said.
    golden : float or None
        Accuracy of the golden model.
    figures : mapping of int to mapping of str to float
        The others by width and name.
    """

    name: str
    source: str
    seeds: int | None
    golden: float | None
    figures: Mapping[int, Mapping[str, float]]


def read_reference(file: Path, widths: Sequence[int]) -> Reference:
    """Read published figures.

    Parameters
    ----------
    file : Path
        CSV with the columns ``width`` and any of ``accuracy``, ``agreement``, ``sqnr``, a row a
        width and perhaps one ``golden`` with an accuracy; a figure that is not known is left empty.
        Lines in front say ``# source: ...`` and perhaps ``# seeds: N``.
    widths : sequence of int
        What the study measures.

    Raises
    ------
    BittrueError
        If the file is not that; the message names file and line.
    """
    text = read_text(file, "a reference", MOST_BYTES)
    said = _said(text)
    if "source" not in said:
        raise BittrueError(f"{file.name} must say '# source: ...' in front, got no such line")
    rows = _cells(file.name, text)
    columns = _columns(file.name, next(rows)[1])
    golden: float | None = None
    figures: dict[int, dict[str, float]] = {}
    for line, row in rows:
        place = f"{file.name}, line {line}"
        if len(row) != len(columns):
            raise BittrueError(
                f"{place} must have {len(columns)} cells like the first line, got {len(row)}"
            )
        cells = dict(zip(columns, row, strict=True))
        width = cells.pop("width")
        known = {name: _figure(place, name, cell) for name, cell in cells.items() if cell}
        if width != GOLDEN:
            figures[_width(place, width, widths, figures)] = known
        elif golden is None and set(known) == {"accuracy"}:
            golden = known["accuracy"]
        else:
            raise BittrueError(
                f"{place}: the {GOLDEN} model must have one row, of an accuracy and no other "
                f"figure, got {', '.join(known) or 'none'}"
            )
    if golden is None and not any(figures.values()):
        raise BittrueError(f"{file.name} must have a figure to compare, got none")
    return Reference(file.name, said["source"], _seeds(file.name, said), golden, figures)


def _is_said(line: str) -> bool:
    return line.lstrip().startswith("#")


def _said(text: str) -> dict[str, str]:
    """Return what the lines in front say, by name."""
    said = {}
    for line in text.splitlines():
        if _is_said(line):
            name, colon, value = line.lstrip().lstrip("#").partition(":")
            if colon and value.strip():
                said[name.strip()] = value.strip()
    return said


def _seeds(file: str, said: Mapping[str, str]) -> int | None:
    text = said.get("seeds")
    if text is None:
        return None
    if not re.fullmatch("0*[1-9][0-9]{0,8}", text):
        raise BittrueError(f"{file}: seeds must be an integer of at least 1, got {text!r}")
    return int(text)


def _cells(file: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that says something, with the number of its line."""
    lines = ["" if _is_said(line) else line for line in text.splitlines()]
    reader = csv.reader(lines, strict=True)
    rows = 0
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                rows += 1
                yield reader.line_num, cells
    except csv.Error as error:
        raise BittrueError(f"{file}, line {reader.line_num} must be CSV, got: {error}") from None
    if not rows:
        raise BittrueError(f"{file} must have rows, got none")


def _columns(file: str, names: list[str]) -> list[str]:
    if "width" not in names:
        raise BittrueError(f"{file} must have a column width, got {ascii(', '.join(names))[1:-1]}")
    known = ["width", *TOLERANCES]
    for name in names:
        if name not in known:
            raise BittrueError(f"{file}: a column must be one of {', '.join(known)}, got {name!r}")
        if names.count(name) > 1:
            raise BittrueError(f"{file} must have each column once, got {name} twice")
    return names


def _width(place: str, text: str, widths: Sequence[int], seen: Mapping[int, object]) -> int:
    """Return a row's width, which must have been measured, and only once."""
    measured = ", ".join(map(str, widths))
    if len(text) > 9 or not text.isdecimal() or int(text) not in widths:
        raise BittrueError(
            f"{place}: width must be {GOLDEN} or one that is measured, {measured}, got {text!r}"
        )
    if int(text) in seen:
        raise BittrueError(f"{place}: each width must have one row, got {text} twice")
    return int(text)


def _figure(place: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BittrueError(f"{place}: {name} must be a number, got {text!r}")
    if name in SHARES and not 0 <= value <= 1:
        raise BittrueError(f"{place}: {name} must be a share from 0 to 1, got {text}")
    return value
