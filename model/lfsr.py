"""The one source of chance in bit-true training: a 16-bit shift register."""

from functools import cache

import numpy as np
import numpy.typing as npt

from .exceptions import BittrueError

BITS = 16
TAPS = (16, 15, 13, 4)
"""Bits, counted from 1, whose parity is shifted in: a register of maximal period."""

PERIOD = (1 << BITS) - 1
STEPS = 16
"""Steps from draw to draw: after a single step, two draws would share all bits but one."""

SEED = 0xACE1
"""State at the start, where no other is given."""


def checked_state(state: int) -> int:
    """Return a state that the register can be in.

    Raises
    ------
    BittrueError
        If it is 0, from which the register never moves, or has more than 16 bits.
    """
    if not 1 <= state <= PERIOD:
        raise BittrueError(
            f"the state of the shift register must be 1 to {PERIOD}, got {state}"
            + (": from 0 it never moves" if state == 0 else "")
        )
    return state


def step(state: int) -> int:
    """Return the state after one step: left, the parity of the taps coming in at the bottom."""
    parity = 0
    for tap in TAPS:
        parity ^= state >> (tap - 1) & 1
    return (state << 1 & PERIOD) | parity


@cache
def _draws() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return all draws in order from `SEED`, and the place of each in that order."""
    draws = np.empty(PERIOD, dtype=np.int64)
    state = SEED
    for n in range(PERIOD):
        draws[n] = state
        for _ in range(STEPS):
            state = step(state)
    places = np.zeros(PERIOD + 1, dtype=np.int64)
    places[draws] = np.arange(PERIOD)
    return draws, places


def drawn(state: int, count: int) -> tuple[npt.NDArray[np.int64], int]:
    """Return the next draws, each the register after 16 more steps, and the state then.

    Parameters
    ----------
    state : int
        Of the register.
    count : int
        How many draws.

    Returns
    -------
    draws : ndarray of int64, shape (count,)
        16 bits each.
    state : int
        Equal to the last of them.
    """
    draws, places = _draws()
    at = (places[state] + 1 + np.arange(count)) % PERIOD
    found = draws[at]
    return found, int(found[-1]) if count else state
