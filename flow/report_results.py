"""Stored results, read for a report: JSON of commands, and stores of sweeps."""

import json
import re
import unicodedata
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from bittrue.model.exceptions import BittrueError
from bittrue.model.files import digest_of, refuse_many
from bittrue.model.reader import shown

from .report_schema import Part, QuantizeResult, QueriesResult, WholeResult
from .report_schema_many import (
    EstimateResult,
    ProveResult,
    StudyResult,
    SweepResult,
    SynthResult,
)
from .report_store import store_result
from .store import HEADER

KINDS: dict[str, tuple[str, type[Part]]] = {
    "bittrue.verify": ("verify", QueriesResult),
    "bittrue.verify-data": ("verify", WholeResult),
    "bittrue.prove": ("prove", ProveResult),
    "bittrue.quantize": ("quantize", QuantizeResult),
    "bittrue.study": ("study", StudyResult),
    "bittrue.sweep": ("sweep", SweepResult),
    "bittrue.synth": ("synth", SynthResult),
    "bittrue.estimate": ("synth", EstimateResult),
}
"""The command and the form of each kind of result, by schema without its version."""

MEASURED_BY_CLOCKS = ("seconds", "inferences_per_second", "computed")
"""Fields that differ from run to run; no report shows them."""

AS_THEY_ARE = ("files", "parts")
"""Fields with designs, which are handed out, not shown."""

ABSOLUTE = re.compile(
    r"""(?<![^\s"'(=,])            # where a word begins
        (?:file://)?
        (?:/(?:[^\s/"'<>]+/)+      # from the root through at least one folder
        |[A-Za-z]:[\\/](?:[^\s\\/"'<>]+[\\/])*)
        (?=[^\s/\\"'<>])           # up to a name
    """,
    re.X,
)
DEEPEST = 40
"""Lists and objects within each other; our own results have a dozen."""

UNSEEN = ("Cc", "Cf", "Cs")
"""Categories of characters that cannot be seen, or that turn text around; those that Unicode calls
no characters are refused as well, as XML cannot hold them."""


class Stored(NamedTuple):
    """A stored result.

    Members
    -------
    kind : str
        The command that wrote it.
    digest : str
        SHA-256 of its canonical JSON, times that a clock measured left out.
    found : Part
        What it holds.
    """

    kind: str
    digest: str
    found: Part


def read_results(paths: Sequence[Path], objectives: Sequence[str] | None = None) -> list[Stored]:
    """Read results, each from its file.

    Parameters
    ----------
    paths : sequence of Path
        JSON that a command wrote with ``--json``, or stores of sweeps, which are only read.
    objectives : sequence of str, optional
        Figures of the fronts of stores.

    Raises
    ------
    BittrueError
        If a file is none of these, damaged, of another version, or given twice.
    """
    results: list[Stored] = []
    for path in paths:
        for stored in _read(path, objectives):
            if stored.digest in {other.digest for other in results}:
                raise BittrueError(f"each result must be given once, got {path} twice")
            results.append(stored)
    return results


def _read(path: Path, objectives: Sequence[str] | None) -> list[Stored]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BittrueError(f"a result must be a file that is there, got {path}") from None
    except OSError as error:
        reason = "a folder" if path.is_dir() else str(error.strerror).lower()
        raise BittrueError(f"a result must be a file that can be read, got {path}: {reason}") from (
            None
        )
    if data.startswith(HEADER):
        return [_checked(tree, path) for tree in store_result(path, objectives)]
    return [_checked(_parsed(data, path), path)]


def _parsed(data: bytes, path: Path) -> Any:
    refuse_many(data, str(path))
    try:
        return json.loads(data.decode(), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"{error.msg.lower()} in line {error.lineno}, column {error.colno}"
    except UnicodeDecodeError:
        where = "bytes that are no text"
    except RecursionError:
        where = "lists within lists without end"
    except ValueError as error:
        where = str(error)
    raise BittrueError(
        f"{path} must be a result as JSON or a store of a sweep, got {where}"
    ) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"the number {name}, which is not JSON")


def _checked(tree: Any, path: Path) -> Stored:
    """Return a result in its form."""
    known = ", ".join(dict.fromkeys(command for command, _ in KINDS.values()))
    schema = tree.get("schema") if isinstance(tree, dict) else None
    if not isinstance(schema, str):
        raise BittrueError(f"{path} must be a result of {known}, got JSON without a schema")
    name, _, version = schema.partition("/")
    if name not in KINDS:
        raise BittrueError(f"{path} must be a result of {known}, got {shown(schema)}")
    command, form = KINDS[name]
    if version != "1":
        raise BittrueError(
            f"{path} must be of {name}/1, got {shown(schema)}: another version of bittrue wrote it"
        )
    try:
        clean = cleaned(tree)
        found = form.model_validate(clean)
    except ValidationError as error:
        wrong = _first(error)
    except BittrueError as error:
        wrong = str(error)
    else:
        return Stored(command, digest_of(clean), found)
    raise BittrueError(
        f"{path} must be a whole result of bittrue {command}, got a damaged one: {wrong}"
    )


def _first(error: ValidationError) -> str:
    """Say what is wrong first, and where."""
    first = error.errors(include_url=False)[0]
    place = "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        message = "is missing"
    return f"{place.lstrip('.')} {message[0].lower()}{message[1:]}"


def cleaned(tree: Any, depth: int = 0, *, shown: bool = True) -> Any:
    """Return JSON as it may be shown.

    Times that a clock measured are left out, of absolute paths only the name is kept, and
    characters that cannot be seen are replaced.

    Parameters
    ----------
    tree : JSON
        A result, or what stands in it.
    depth : int
        How deep that is.
    shown : bool
        Whether it is shown; otherwise it stays as it is.

    Raises
    ------
    BittrueError
        If it is nested too deeply, or a number is not finite.
    """
    if depth > DEEPEST:
        raise BittrueError(f"a result must be nested at most {DEEPEST} deep, got more")
    if isinstance(tree, dict):
        return {
            _shown_text(name) if shown else name: cleaned(
                item, depth + 1, shown=shown and name not in AS_THEY_ARE
            )
            for name, item in tree.items()
            if not shown or name not in MEASURED_BY_CLOCKS
        }
    if isinstance(tree, list):
        return [cleaned(item, depth + 1, shown=shown) for item in tree]
    if isinstance(tree, float) and not isfinite(tree):
        raise BittrueError(f"a number of a result must be finite, got {tree}")
    return _shown_text(tree) if shown and isinstance(tree, str) else tree


def _shown_text(text: str) -> str:
    if text.isascii() and text.isprintable() and "/" not in text and "\\" not in text:
        return text
    kept = (" " if c in "\n\t" else "\N{REPLACEMENT CHARACTER}" if _unseen(c) else c for c in text)
    return ABSOLUTE.sub("", "".join(kept))


def _unseen(character: str) -> bool:
    nonsense = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
    return nonsense or unicodedata.category(character) in UNSEEN
