"""Vectors for mutants as files: a user's own, and those that are offered."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bittrue.hdl.machine import Machine
from bittrue.model.design import Design, Weights
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import parse_json
from bittrue.model.formats import as_codes

from .player import Player, session_on
from .record import Session, TaughtSession
from .script import Script, ScriptWriter

MOST_BYTES = 1 << 26
"""Bytes of a file of vectors."""

MOST_CODES, MOST_LINES_BYTES = 1 << 18, 1 << 23
"""Codes of a file of lines of codes, and its bytes."""


def read_vectors(path: Path, design: Design, machine: Machine) -> Script:
    """Return the script that a file of vectors asks for.

    Parameters
    ----------
    path : Path
        CSV, a sample a line, input codes; or JSON with ``sessions`` (lists of ``codes`` with
        ``weights`` and ``biases``, the design's own where they are not given) and ``vectors`` (as
        `offered` returns them).
    design : Design
        What the vectors are for.
    machine : Machine
        What is driven.

    Raises
    ------
    BittrueError
        If the file cannot be read, or holds no vectors for this machine.
    """
    with _named(path):
        return _script(_tree(path), design, machine)


def read_sessions(path: Path, design: Design) -> list[Session]:
    """Return the sessions of a file of vectors, of those that `read_vectors` reads.

    Raises
    ------
    BittrueError
        If the file cannot be read, or holds no sessions for this design.
    """
    with _named(path):
        sessions = [_session(given, design) for given in _tree(path).get("sessions", [])]
    if not sessions:
        raise BittrueError(f"{path} must have a session at least, got none")
    return sessions


def read_lessons(path: Path, design: Design) -> list[TaughtSession]:
    """Return the lessons of a file of vectors, as `bittrue prove` writes them.

    Raises
    ------
    BittrueError
        If the file cannot be read, or holds no lessons for this design.
    """
    format, size = design.shape.output.format, design.shape.sizes[-1]
    lessons = []
    with _named(path):
        for given in _tree(path).get("lessons", []):
            session = _session(given, design)
            targets = as_codes(np.array(given["targets"], dtype=np.int64), format)
            if targets.shape != (len(session.codes), size):
                raise BittrueError(
                    f"targets must be {size} codes for each of {len(session.codes)} samples, got "
                    f"shape {targets.shape}"
                )
            weights = session.weights
            weights = Weights(weights.weights, weights.biases, given["state"])
            lessons.append(TaughtSession(weights, session.codes, targets))
    if not lessons:
        raise BittrueError(f"{path} must have a lesson at least, got none")
    return lessons


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file where what it holds is not as it should be."""
    try:
        yield
    except BittrueError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise BittrueError(f"{path} must hold vectors of this network, got {error!r}") from None


def _tree(path: Path) -> Any:
    """Return what a file holds, lines of codes as a session."""
    try:
        content = path.read_bytes()[: MOST_BYTES + 1]
    except OSError as error:
        raise BittrueError(f"vectors must be readable, got {error}") from None
    if len(content) > MOST_BYTES:
        raise BittrueError(f"{path} must have at most {MOST_BYTES} bytes, as vectors, got more")
    if path.suffix == ".json":
        return parse_json(content, str(path))
    return {"sessions": [{"codes": _rows(content, path)}]}


def _rows(content: bytes, path: Path) -> list[list[int]]:
    if len(content) > MOST_LINES_BYTES:
        raise BittrueError(
            f"{path} must have at most {MOST_LINES_BYTES} bytes, as lines of codes, got more"
        )
    codes = content.count(b",") + content.count(b"\n")
    if codes > MOST_CODES:
        raise BittrueError(f"{path} must have at most {MOST_CODES} codes, got {codes}")
    try:
        lines = [line for line in content.decode("utf-8").splitlines() if line.strip()]
        return [[int(part) for part in line.split(",")] for line in lines]
    except (UnicodeDecodeError, ValueError) as error:
        raise BittrueError(f"{path} must hold integer codes between commas, got {error}") from None


def _script(tree: Mapping[str, Any], design: Design, machine: Machine) -> Script:
    player = Player(machine)
    for number, given in enumerate(tree.get("sessions", [])):
        player.section(str(given.get("name", f"session {number}")))
        session_on(player, _session(given, design))
    for number, vector in enumerate(tree.get("vectors", [])):
        if vector["machine"] != machine.digest:
            raise BittrueError(
                f"vectors of a script must be for the machine {machine.digest}, "
                f"got them for {vector['machine']}"
            )
        player.section(str(vector.get("name", f"vector {number}")))
        player.cycle(rst=1)
        _replay(player, vector)
    script = player.script()
    if not script.cycles:
        raise BittrueError("vectors must have a session or a script at least, got none")
    return script


def _session(given: Mapping[str, Any], design: Design) -> Session:
    weights = design.weights
    if "weights" in given:
        weights = Weights(given["weights"], given.get("biases"))
    codes = as_codes(np.array(given["codes"], dtype=np.int64), design.shape.input.format)
    if codes.ndim != 2 or codes.shape[1] != design.shape.sizes[0]:
        raise BittrueError(
            f"samples must have {design.shape.sizes[0]} codes each, got shape {codes.shape}"
        )
    return Session(Design(design.shape, weights).weights, codes)


def _replay(player: ScriptWriter, vector: Mapping[str, Any]) -> None:
    """Drive the cycles of a vector, with what is set before them."""
    deposits = {int(cycle): values for cycle, values in vector.get("deposits", {}).items()}
    for cycle, text in enumerate(vector["driven"]):
        if cycle in deposits:
            player.deposit(deposits[cycle])
        player.drive(int(text, 16))


def offered(script: Script, machine: Machine, names: Sequence[str]) -> dict[str, Any]:
    """Return vectors of a script as JSON that `read_vectors` reads.

    A vector may go on from what those before it left behind: all up to the last one named are
    returned.
    """
    last = max(n for n, (_, name) in enumerate(script.sections) if name in names)
    starts = [start for start, _ in script.sections] + [script.cycles]
    end = starts[last + 1]
    vector = {
        "name": ", ".join(names),
        "machine": machine.digest,
        "driven": [f"{word:x}" for word in script.driven[:end]],
        "deposits": {str(c): dict(v) for c, v in script.deposits.items() if c < end},
    }
    return {"vectors": [vector]}


def as_text(tree: Mapping[str, Any]) -> str:
    """Return vectors as the text of a file."""
    return json.dumps(tree) + "\n"
