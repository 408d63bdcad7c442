"""What seems to hold while something is up: combinations of bits that are never seen beside it."""

from collections.abc import Sequence

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


def _seen(literals: Words, where: Words | np.uint64) -> npt.NDArray[np.bool_]:
    """Tell which literals are true in one of some states."""
    return np.asarray((literals & where).any(axis=1))
