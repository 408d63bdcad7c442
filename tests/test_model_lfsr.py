import numpy as np
import pytest

from bittrue.model import lfsr
from bittrue.model.exceptions import BittrueError


def test_the_register_has_the_longest_period():
    state, steps = lfsr.SEED, 0
    while steps == 0 or state != lfsr.SEED:
        state, steps = lfsr.step(state), steps + 1
    assert steps == lfsr.PERIOD == 2**16 - 1


def test_a_step_shifts_left_and_brings_in_the_parity_of_the_taps():
    assert lfsr.step(0x8000) == 0x0001
    assert lfsr.step(0x0001) == 0x0002
    assert lfsr.step(0x0008) == 0x0011
    assert lfsr.step(0xD008) == 0xA010


def test_a_draw_is_the_register_after_sixteen_steps():
    state = lfsr.SEED
    draws, after = lfsr.drawn(state, 1000)
    for draw in draws.tolist():
        for _ in range(16):
            state = lfsr.step(state)
        assert draw == state
    assert after == state


def test_draws_go_on_where_others_ended():
    together, _ = lfsr.drawn(77, 9)
    first, state = lfsr.drawn(77, 4)
    second, _ = lfsr.drawn(state, 5)
    np.testing.assert_array_equal(together, np.concatenate([first, second]))
    assert lfsr.drawn(77, 0)[1] == 77


def test_low_bits_of_draws_are_even_and_do_not_follow_each_other():
    draws, _ = lfsr.drawn(lfsr.SEED, lfsr.PERIOD)
    for bits in (1, 4, 8):
        counts = np.bincount(draws & ((1 << bits) - 1))
        assert counts.max() - counts.min() <= 1
    low = (draws & 255) / 255
    assert abs(np.corrcoef(low[:-1], low[1:])[0, 1]) < 0.02


@pytest.mark.parametrize("state", [0, -1, 2**16])
def test_states_that_cannot_be(state):
    with pytest.raises(BittrueError, match=r"^the state of the shift register must be 1 to 65535"):
        lfsr.checked_state(state)
