"""What seems to hold in a netlist's control: combinations of bits that a walk never comes upon.

They are looked for in windows of a few registers that belong together: those of one group, and of
one that another's next value depends on. What is found is a guess.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt

MOST_BITS = 16
"""Registers in a window."""

MOST_LITERALS = 4
"""Registers in a combination."""

STEPS = 3
"""Registers one behind the other that are looked at together."""

FEW = 6
"""Groups that depend on one, at most, where what it depends on is looked at with them."""

Bits = npt.NDArray[np.uint8]
Combination = tuple[tuple[int, int], ...]
"""Registers of a window, by place, and the value of each."""


def windows(
    group_of: Mapping[int, str], depends: Mapping[int, frozenset[int]]
) -> Iterator[tuple[int, ...]]:
    """Yield windows.

    Parameters
    ----------
    group_of : mapping from int to str
        Registers by number, and what they belong to.
    depends : mapping from int to frozenset of int
        Registers that a register's next value depends on.
    """
    groups: dict[str, list[int]] = {}
    for register, group in sorted(group_of.items()):
        groups.setdefault(group, []).append(register)
    before: dict[str, set[str]] = {group: set() for group in groups}
    for register, group in group_of.items():
        before[group] |= {group_of[n] for n in depends[register] if n in group_of}
    pairs = {
        tuple(sorted({group, other})) for group in groups for other in _behind(group, before, STEPS)
    }
    for pair in sorted(pairs | {(group,) for group in groups}):
        window = tuple(register for key in pair for register in groups[key])
        if len(window) <= MOST_BITS:
            yield window


def _behind(group: str, before: Mapping[str, set[str]], steps: int) -> set[str]:
    """Return the groups that one depends on, over some steps; not past what all depend on."""
    found = set(before[group])
    for other in before[group] if steps > 1 else ():
        if sum(other in groups for groups in before.values()) <= FEW:
            found |= _behind(other, before, steps - 1)
    return found


def unseen_in(states: Bits) -> list[Combination]:
    """Return the smallest combinations that no state has.

    Parameters
    ----------
    states : ndarray of uint8, shape (registers, states)
        What the registers of a window hold.
    """
    width = len(states)
    seen = np.unique((1 << np.arange(width)) @ states.astype(np.int64))
    bits = (seen[:, None] >> np.arange(width) & 1).astype(np.int64)
    found: set[Combination] = set()
    for size in range(1, MOST_LITERALS + 1):
        for columns in combinations(range(width), size):
            there = np.zeros(1 << size, dtype=np.bool_)
            there[bits[:, columns] @ (1 << np.arange(size))] = True
            for code in np.flatnonzero(~there).tolist():
                values = tuple((column, code >> n & 1) for n, column in enumerate(columns))
                if not _within(values, found):
                    found.add(values)
    return sorted(found)


def _within(values: Combination, found: set[Combination]) -> bool:
    """Tell whether a part of a combination is there already."""
    return any(
        part in found for size in range(1, len(values)) for part in combinations(values, size)
    )
