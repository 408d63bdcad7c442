"""Files that a command is to write, looked at before any work is done."""

import os
from collections.abc import Iterable
from pathlib import Path

from bittrue.model.exceptions import BittrueError


def check_targets(suffixes: dict[str, tuple[str, ...]] | None = None, **files: Path | None) -> None:
    """Refuse files that could not be written, and one file for two results.

    Parameters
    ----------
    suffixes : dict, optional
        Endings that a file must have, by its option's name.
    **files
        By their options' names; None where not asked for.
    """
    for name, file in files.items():
        if file is None:
            continue
        option = f"--{name.replace('_', '-')}"
        if file.is_dir():
            raise BittrueError(f"{option} must name a file, got the folder {file}")
        if not os.access(file.parent, os.W_OK):
            raise BittrueError(f"{option} must lie in a folder that can be written, got {file}")
        wanted = (suffixes or {}).get(name, ())
        if wanted and file.suffix not in wanted:
            raise BittrueError(f"{option} must end in {' or '.join(wanted)}, got {file}")
    _check_distinct(file.resolve() for file in files.values() if file)


def _check_distinct(files: Iterable[Path]) -> None:
    seen: set[Path] = set()
    for file in files:
        if file in seen:
            raise BittrueError(f"each result must have a file of its own, got {file} twice")
        seen.add(file)
