"""CSV files of a label and pixels a row, as the book has them."""

import math
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from bittrue.model.exceptions import BittrueError

from .gz import opened
from .pixels import HIGHEST_LABEL, HIGHEST_PIXEL, Labels, Pixels

_BYTES = {str(value).encode(): value for value in range(HIGHEST_PIXEL + 1)}
_MARK = b"\xef\xbb\xbf"
_LETTER = re.compile(b"[A-Za-z]")
_SHOWN = 40
MOST_BYTES = 1 << 20
"""Bytes of a row."""

MOST_BLANK = 10_000
"""Blank lines, of which a packed file could hold any number."""


def read_csv(path: Path, *, label_last: bool = False) -> tuple[Pixels, Labels]:
    """Read rows of ``label,pixel,pixel,...``, plain or gzipped.

    A first line of nothing but names is passed over. Blank lines are, too, but they count as rows.

    Parameters
    ----------
    path : Path
        The file.
    label_last : bool
        Whether the label stands behind the pixels, not before them.

    Returns
    -------
    pixels : uint8, (samples, pixels)
        The pixels.
    labels : int64, (samples,)
        The labels.

    Raises
    ------
    BittrueError
        If a field is no number, a pixel not a whole number from 0 to 255, a label not one from 0
        to 999, or a row shorter or longer than the first; the message names row and column,
        counted from 1.
    """
    pixels, labels = bytearray(), array("q")
    width = 0
    with opened(path) as stream:
        for number, fields in _rows(stream, path):
            place = f"{path}, row {number}"
            width = width or _width(fields, place)
            if len(fields) != width:
                raise BittrueError(
                    f"{place} must have {width} fields like the first row, got {len(fields)}"
                )
            if number == 1 and _is_header(fields):
                continue
            label_at = width - 1 if label_last else 0
            labels.append(_whole(fields.pop(label_at), HIGHEST_LABEL, place, "label", label_at))
            pixels += _pixels(fields, place, 0 if label_last else 1)
    if not labels:
        raise BittrueError(f"{path} must hold samples, got no row of numbers")
    return np.frombuffer(pixels, np.uint8).reshape(len(labels), -1), np.frombuffer(labels, np.int64)


def _rows(stream: BinaryIO, path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the number, from 1, and the fields of each line that is not blank."""
    blank = 0
    for number, line in enumerate(iter(lambda: stream.readline(MOST_BYTES + 1), b""), 1):
        if len(line) > MOST_BYTES:
            raise BittrueError(
                f"{path}, row {number} must have at most {MOST_BYTES} bytes, got more"
            )
        text = line.removeprefix(_MARK).strip() if number == 1 else line.strip()
        if text:
            yield number, text.split(b",")
        else:
            blank += 1
        if blank > MOST_BLANK:
            raise BittrueError(f"{path} must have at most {MOST_BLANK} blank lines, got more")


def _width(fields: list[bytes], place: str) -> int:
    if len(fields) < 2:
        raise BittrueError(
            f"{place} must have a label and pixels between commas, got {_shown(fields[0])}"
        )
    return len(fields)


def _is_header(fields: list[bytes]) -> bool:
    """Tell whether all fields are names like ``label,1x1,1x2``: none a number, the first a word."""
    named = all(_number(field) is None and _LETTER.search(field) for field in fields)
    return named and bool(_LETTER.match(fields[0].lstrip(b" \"'")))


def _pixels(fields: list[bytes], place: str, before: int) -> bytes:
    """Return pixels as bytes; ``before`` columns stand to their left."""
    try:
        return bytes(map(_BYTES.__getitem__, fields))
    except KeyError:
        return bytes(
            _whole(field, HIGHEST_PIXEL, place, "pixel", column)
            for column, field in enumerate(fields, before)
        )


def _whole(field: bytes, highest: int, place: str, what: str, column: int) -> int:
    """Return a field as a whole number from 0 to the highest; 7.0 and 7e0 are such."""
    number = _number(field)
    if number is None:
        raise BittrueError(
            f"{place}, column {column + 1} must be a number, a {what}, got {_shown(field)}"
        )
    if not (math.isfinite(number) and number.is_integer() and 0 <= number <= highest):
        raise BittrueError(
            f"{place}, column {column + 1} must be a {what}, a whole number from 0 to {highest}, "
            f"got {_shown(field)}"
        )
    return int(number)


def _number(field: bytes) -> float | None:
    """Return a field's number, or None; Python's own 1_000 is none."""
    try:
        return None if b"_" in field else float(field)
    except ValueError:
        return None


def _shown(field: bytes) -> str:
    """Return a field as a message shows it: quoted, cut, without what a terminal obeys."""
    text = field.decode("utf-8", "replace")
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
