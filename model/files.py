"""Writing files whole, and JSON that people can read."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .exceptions import BittrueError

SPARE = 64 << 20
"""Bytes that reading a file may take beyond twice its size."""


_ITEM_BYTES, _NODE_BYTES = 36, 72
"""What an item of a parsed list takes, a number, and what a list or an object does."""


def unpacked_limit(size: int) -> int:
    """Return the bytes that a file of a size may become in memory: twice that and `SPARE`."""
    return 2 * size + SPARE


def read_text(path: str | os.PathLike[str], what: str, most: int) -> str:
    """Return a file's text, which must be UTF-8.

    Parameters
    ----------
    path : path
        Of the file; no more of it is read than it may have.
    what : str
        What it must be, for messages: ``a design file``.
    most : int
        Bytes that it may have.

    Raises
    ------
    BittrueError
        If it cannot be read, is too large or no text.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise BittrueError(f"{path} must have at most {most} bytes, as {what}, got more")
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BittrueError(f"{what} must be readable text, got {error}") from None


def parse_json(content: bytes, place: str) -> Any:
    """Return the tree of a JSON text in UTF-8 that stands at ``place``.

    Raises
    ------
    BittrueError
        If it is no JSON, or its tree would take more than `SPARE`.
    """
    refuse_many(content, place)
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BittrueError(f"{place} must be a whole JSON file, got {error}") from None


def refuse_many(content: bytes, place: str) -> None:
    """Refuse a JSON text whose tree would take more than `SPARE`, before it is made.

    Raises
    ------
    BittrueError
        If it would.
    """
    nodes = content.count(b"[") + content.count(b"{")
    if _ITEM_BYTES * content.count(b",") + _NODE_BYTES * nodes > SPARE:
        raise BittrueError(f"{place} must hold at most {SPARE // _ITEM_BYTES} items, got more")


def dump_json(tree: Any) -> str:
    """Return a tree as JSON that people can read: one line for each innermost list or object."""
    return _indented(tree, 0) + "\n"


def _indented(tree: Any, depth: int) -> str:
    items = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else []
    if not any(isinstance(item, dict | list) for item in items):
        return json.dumps(tree, allow_nan=False)
    pad = "\n" + "  " * (depth + 1)
    if isinstance(tree, dict):
        lines = [f"{json.dumps(key)}: {_indented(item, depth + 1)}" for key, item in tree.items()]
        return "{" + pad + f",{pad}".join(lines) + "\n" + "  " * depth + "}"
    lines = [_indented(item, depth + 1) for item in tree]
    return "[" + pad + f",{pad}".join(lines) + "\n" + "  " * depth + "]"


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file whole or not at all; text as UTF-8."""
    data = content.encode() if isinstance(content, str) else content
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def digest_of(tree: Any) -> str:
    """Return the SHA-256 of a tree's canonical JSON: keys sorted, no white space.

    Arrays stand for their lists, and are written row by row: no list of all is made.
    """
    found = hashlib.sha256()
    for piece in _canonical(tree):
        found.update(piece.encode())
    return found.hexdigest()


def _canonical(tree: Any) -> Iterator[str]:
    """Yield canonical JSON in pieces."""
    if isinstance(tree, dict):
        ends, items = "{}", [(f"{json.dumps(key)}:", tree[key]) for key in sorted(tree)]
    elif isinstance(tree, list | tuple) or (isinstance(tree, np.ndarray) and tree.ndim > 1):
        ends, items = "[]", [("", item) for item in tree]
    else:
        plain = tree.tolist() if isinstance(tree, np.ndarray) else tree
        yield json.dumps(plain, separators=(",", ":"), allow_nan=False)
        return
    for number, (key, item) in enumerate(items):
        yield f"{ends[0] if number == 0 else ','}{key}"
        yield from _canonical(item)
    yield ends[1] if items else ends
