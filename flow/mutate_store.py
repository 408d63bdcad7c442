"""Outcomes of mutants in a file, a JSON object a line, so that a run that was cut short goes on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from bittrue.model.exceptions import BittrueError
from bittrue.sim.mutate import Outcome

MOST_BYTES = 1 << 28
"""Bytes of a store."""

NAMES = {field.name for field in fields(Outcome)}


class OutcomeFile:
    """A store in a file.

    Parameters
    ----------
    path : Path
        Of the file; made where it is not there.

    Raises
    ------
    BittrueError
        If it cannot be read, or is something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = self._read() if path.exists() else []

    def _read(self) -> list[tuple[str, Outcome]]:
        try:
            if self._path.stat().st_size > MOST_BYTES:
                raise BittrueError(f"{self._path} must have at most {MOST_BYTES} bytes, got more")
            lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True)
        except (OSError, UnicodeDecodeError) as error:
            raise BittrueError(f"a store of mutants must be readable, got {error}") from None
        # a line without an end was being written as the run was cut short
        return [self._outcome(line) for line in lines if line.endswith("\n")]

    def _outcome(self, line: str) -> tuple[str, Outcome]:
        try:
            tree = json.loads(line)
            run = tree.pop("run")
            if not isinstance(run, str) or set(tree) != NAMES:
                raise ValueError(line[:80])
            return run, Outcome(**tree)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise BittrueError(
                f"{self._path} must be a store of mutants, got the line {line[:40]!r}"
            ) from None

    def known(self, run: str) -> Mapping[str, Outcome]:
        """Return the outcomes of a run, by name."""
        return {outcome.name: outcome for of, outcome in self._lines if of == run}

    def keep(self, run: str, outcomes: Sequence[Outcome]) -> None:
        """Add outcomes of a run."""
        text = "".join(json.dumps({"run": run, **asdict(o)}) + "\n" for o in outcomes)
        try:
            with self._path.open("r+b" if self._path.exists() else "w+b") as file:
                content = file.read()
                # what is left of a line that was cut short goes
                file.truncate(content.rfind(b"\n") + 1)
                file.seek(0, 2)
                file.write(text.encode())
        except OSError as error:
            raise BittrueError(f"a store of mutants must be writable, got {error}") from None
        self._lines += [(run, outcome) for outcome in outcomes]
