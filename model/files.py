"""Writing files whole, and JSON that people can read."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any


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
    """Return the SHA-256 of a tree's canonical JSON: keys sorted, no white space."""
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
