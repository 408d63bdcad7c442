"""Keys of a space's tables: known ones, with values of the type that they must have."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from bittrue.model.exceptions import BittrueError


def known(place: str, tree: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return a table with hyphens in its keys read as underscores, all of them known.

    Raises
    ------
    BittrueError
        If one is not; see `nearest`.
    """
    found = {name.replace("-", "_"): value for name, value in tree.items()}
    for name in found:
        nearest(place, name, names)
    return found


def nearest(place: str, name: object, names: tuple[str, ...]) -> None:
    """Refuse a name that is not known, and say which it is nearest to."""
    if name in names:
        return
    near = get_close_matches(str(name), names, 1, 0.5)
    hint = f"; the nearest is {near[0]}" if near else ""
    raise BittrueError(f"{place}: a key must be one of {', '.join(names)}, got {name!r}{hint}")


def typed(place: str, tree: Mapping[str, Any], types: Mapping[str, type]) -> dict[str, Any]:
    """Return a table whose values have the types that they must have; no number below zero.

    Raises
    ------
    BittrueError
        If a key is unknown, or a value is of another type or too small.
    """
    found = known(place, tree, tuple(types))
    for name, value in found.items():
        wanted = (int, float) if types[name] is float else (types[name],)
        least = 0 if name == "seed" else 1
        if type(value) not in wanted:
            raise BittrueError(
                f"{place}.{name} must be of type {types[name].__name__}, got {value!r}"
            )
        if types[name] is int and value < least:
            raise BittrueError(f"{place}.{name} must be at least {least}, got {value}")
    return found
