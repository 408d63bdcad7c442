"""What seems to hold while something is up: combinations of bits that are never seen beside it."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from .walk import Words
from .windows import Combination


def never_beside(up: Words, states: Words, near: Sequence[int]) -> list[Combination]:
    """Return what is never seen while one bit is up: single bits, and pairs of some.

    Beside one that is never up there is nothing at all. Pairs that are never seen anywhere are
    left out, and those with a bit that is there alone.

    Parameters
    ----------
    up : ndarray of uint64, shape (words,)
        When the bit is up: one state in each bit of a word.
    states : ndarray of uint64, shape (registers, words)
        What registers hold.
    near : sequence of int
        Registers of which pairs are looked for.
    """
    if not up.any():
        return [()]
    literals = np.concatenate([~states, states])
    alone = ~_seen(literals, up) & _seen(literals, ~np.uint64(0))
    count = len(states)
    places = [n + value * count for value in (0, 1) for n in near]
    few = literals[[place for place in places if not alone[place]]]
    names = [(place % count, place // count) for place in places if not alone[place]]
    found: list[Combination] = [((n % count, n // count),) for n in np.flatnonzero(alone).tolist()]
    for number, name in enumerate(names):
        later, others = few[number + 1 :], names[number + 1 :]
        never = ~_seen(later, few[number] & up) & _seen(later, few[number])
        found += [
            (name, other)
            for other, there in zip(others, never.tolist(), strict=True)
            if there and other[0] != name[0]
        ]
    return found


def never_together(states: Words, most: int) -> list[Combination]:
    """Return the smallest combinations of bits that are never seen.

    Parameters
    ----------
    states : ndarray of uint64, shape (registers, words)
        What registers hold: one state in each bit of a word.
    most : int
        Bits of a combination, 1 to 3.
    """
    count = len(states)
    literals = np.concatenate([~states, states])
    alone = _seen(literals, ~np.uint64(0))
    there = np.flatnonzero(alone).tolist()
    beside = {one: _seen(literals, literals[one]) for one in there}
    found: list[tuple[int, ...]] = [(one,) for one in np.flatnonzero(~alone).tolist()]
    for one, other in combinations(there, 2):
        if one % count == other % count:
            continue
        if not beside[one][other]:
            found += [(one, other)] if most > 1 else []
        elif most > 2:
            thirds = [n for n in there if n > other and beside[one][n] and beside[other][n]]
            seen = _seen(literals[thirds], literals[one] & literals[other])
            found += [
                (one, other, n) for n, is_there in zip(thirds, seen, strict=True) if not is_there
            ]
    return [tuple((n % count, n // count) for n in one) for one in found]


def _seen(literals: Words, where: Words | np.uint64) -> npt.NDArray[np.bool_]:
    """Tell which literals are true in one of some states."""
    return np.asarray((literals & where).any(axis=1))
