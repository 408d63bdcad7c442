"""A folder of files that is there whole or not at all, and what in it may be replaced."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json, parse_json

MANIFEST = "manifest.json"
OLD = "old"
"""What a folder is called while its successor takes its place."""

SCHEMA = "bittrue.export"
VERSION = 1
MOST_BYTES = 1 << 20
"""Bytes of a manifest that is read."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def manifest_of(about: Mapping[str, Any], files: Mapping[str, str]) -> str:
    """Return the manifest of files: what they are about, and the SHA-256 of each."""
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    tree = {"schema": SCHEMA, "version": VERSION, **about, "files": dict(sorted(hashes.items()))}
    return dump_json(tree)


def check_folder(folder: Path, *, force: bool) -> None:
    """Refuse a folder that may not be written to, before any work is done.

    Raises
    ------
    BittrueError
        If it is a file, the folder that this runs in, or lies where nothing can be written; if it
        is not empty, and ``force`` was not given or its manifest is not one of ours.
    """
    parent = folder.resolve().parent
    if folder.exists() and not folder.is_dir():
        raise BittrueError(f"an export must go to a folder, got the file {folder}")
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise BittrueError(f"an export must lie in a folder that can be written, got {folder}")
    if Path.cwd().is_relative_to(folder.resolve()):
        # it is replaced as a whole, which would take it away from whoever stands in it
        raise BittrueError(f"an export must not go to the folder that it runs in, got {folder}")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not force:
        raise BittrueError(
            f"an export must go to a new or empty folder, got {folder}: "
            "--force replaces what its manifest names"
        )
    owned_by(folder)


def put_back(folder: Path) -> list[str]:
    """Put a folder back that a killed run took away and did not replace; say what was found.

    Between its two last steps such a run has the old folder beside the new one, both in a hidden
    folder where the old one was.

    Returns
    -------
    list of str
        A line for each thing that was put back, or that lies there and is of no use.

    Raises
    ------
    BittrueError
        If it cannot be put back; it is left where it is, and the message says where.
    """
    target, lines = folder.resolve(), []
    beside = target.parent.iterdir() if target.parent.is_dir() else ()
    for left in sorted(path for path in beside if path.name.startswith(_hidden(target))):
        old = left / OLD
        if old.is_dir() and not target.exists():
            try:
                os.rename(old, target)
            except OSError as error:
                raise BittrueError(f"{folder} must be put back from {old}, got {error}") from None
            lines.append(f"{folder} was put back: a run that was to replace it was killed")
        lines.append(f"{left} was left by a run that has not ended; it may be removed if none runs")
    return lines


def _hidden(target: Path) -> str:
    """Return how the names begin of folders that hold what is to become a folder."""
    return f".{target.name}.bittrue-"


def owned_by(folder: Path) -> set[str]:
    """Return the files that a folder's manifest names, and the manifest; none where there is none.

    Raises
    ------
    BittrueError
        If the manifest is not one of ours, or names what lies outside the folder.
    """
    place = folder / MANIFEST
    if not place.exists():
        return set()
    try:
        with open(place, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BittrueError(f"a manifest must be readable text, got {error}") from None
    if len(content) > MOST_BYTES:
        raise BittrueError(f"{place} must have at most {MOST_BYTES} bytes, got more")
    tree = parse_json(content, str(place))
    names = tree.get("files") if isinstance(tree, dict) else None
    if not isinstance(names, dict) or tree.get("schema") != SCHEMA:
        raise BittrueError(f"{place} must be the manifest of an export, got another file")
    for name in names:
        if not _NAME.fullmatch(name):
            raise BittrueError(f"{place} must name files beside it, got {json.dumps(name)}")
    return {*names, MANIFEST}


def write_folder(folder: Path, files: Mapping[str, str], *, force: bool = False) -> None:
    """Write files as a folder, whole or not at all.

    They are written beside it and put in its place at the end. What else lies in a folder that is
    replaced is kept. A run that is killed leaves the folder as it was, or, between the last two
    steps, where `put_back` finds it.

    Parameters
    ----------
    folder : path
        Where they go.
    files : mapping from name to text
        What is written, the manifest included.
    force : bool
        Replace what the manifest in it names.

    Raises
    ------
    BittrueError
        As of `check_folder`; if a file that the manifest does not name would be overwritten; if
        writing fails.
    """
    put_back(folder)
    check_folder(folder, force=force)
    target = folder.resolve()
    foreign = _foreign(target, files)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=_hidden(target)) as name:
            new = Path(name) / "new"
            new.mkdir()
            for file, text in files.items():
                (new / file).write_bytes(text.encode())
            for path in foreign:
                _copy(path, new / path.name)
            _swap(new, target, Path(name) / OLD)
    except OSError as error:
        raise BittrueError(f"{folder} must be a folder that can be written, got {error}") from None


def _foreign(target: Path, files: Mapping[str, str]) -> list[Path]:
    """Return what lies in a folder and is not ours; refuse to write over any of it."""
    if not target.is_dir():
        return []
    owned = owned_by(target)
    foreign = sorted(path for path in target.iterdir() if path.name not in owned)
    for path in foreign:
        if path.name in files:
            raise BittrueError(
                f"an export must replace only what {target / MANIFEST} names, got {path}"
            )
    return foreign


def _copy(source: Path, target: Path) -> None:
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _swap(new: Path, target: Path, old: Path) -> None:
    """Put a new folder in the place of an old one, which is put back where that fails."""
    there = target.is_dir()
    if there:
        os.rename(target, old)
    try:
        os.rename(new, target)
    except BaseException:
        if there:
            os.rename(old, target)
        raise
