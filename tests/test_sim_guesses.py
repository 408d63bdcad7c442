"""What is never seen, held against all that was seen; and logic at work against its values."""

from itertools import combinations, product

import numpy as np
import pytest
from test_sim_reach import Drawn

from bittrue.sim.guesses import never_beside, never_together
from bittrue.sim.lasting import lasting
from bittrue.sim.literals import Literals
from bittrue.sim.running import Running, packed
from bittrue.sim.sliced import LANES

SEEDS = range(12)
REGISTERS = 6


def drawn_states(seed):
    """Return states of a few registers, of which some are seldom up; in bits and packed."""
    rng = np.random.default_rng(seed)
    some = rng.random((REGISTERS, 64)) < rng.random((REGISTERS, 1)) ** 2
    bits = some[:, rng.integers(0, int(rng.integers(2, 20)), 128)]
    return bits, packed(bits)


def seen(bits, combination):
    """Tell whether there is a state in which all of a combination is so."""
    return bool(np.all([bits[place] == value for place, value in combination], axis=0).any())


def smallest(bits, most):
    found = []
    for size in range(1, most + 1):
        for places in combinations(range(len(bits)), size):
            for values in product((0, 1), repeat=size):
                one = tuple(zip(places, values, strict=True))
                parts = [p for n in range(1, size) for p in combinations(one, n)]
                if not seen(bits, one) and all(seen(bits, part) for part in parts):
                    found.append(one)
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_smallest_that_is_never_seen(seed, most):
    bits, words = drawn_states(seed)
    found = never_together(words, most)
    assert len(set(found)) == len(found)
    assert {tuple(sorted(one)) for one in found} == set(smallest(bits, most))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_never_seen_beside_a_bit(seed):
    (up, *bits), (up_words, *words) = drawn_states(seed)
    near = [0, 1, 3]
    found = {tuple(sorted(one)) for one in never_beside(up_words, np.array(words), near)}
    if not up.any():
        assert found == {()}
        return
    bits = np.array(bits)
    beside = {one for one in smallest(bits[:, up], 2) if seen(bits, one)}
    wanted = {one for one in beside if len(one) == 1 or {p for p, _ in one} <= set(near)}
    assert found == wanted


@pytest.mark.parametrize("seed", SEEDS)
def test_logic_runs_as_it_says(seed):
    drawn, rng = Drawn(seed), np.random.default_rng(seed)
    running = Running(drawn.logic, drawn.becomes, drawn.initial)
    assert set(running.free) <= set(drawn.free)
    held = np.zeros((len(drawn.state), LANES), dtype=np.bool_)
    held |= np.array(list(drawn.initial.values()))[:, None]
    for _ in range(4):
        frees = rng.random((len(drawn.free), LANES)) < 0.5
        running.step(dict(zip(drawn.free, packed(frees), strict=True)))
        held = np.array(
            [
                drawn.true(list(drawn.becomes.values()), state, free)
                for state, free in zip(held.T, frees.T, strict=True)
            ]
        ).T
        assert (running.held(drawn.state) == packed(held)).all()


def test_states_that_are_set():
    logic = Literals()
    a, b = logic.var(), logic.var()
    running = Running(logic, {a: b, b: a ^ 1}, {})
    words = packed(np.arange(2 * LANES).reshape(2, LANES) % 3 == 0)
    running.hold({a: words[0], b: words[1]})
    running.step({})
    assert (running.held([a, b]) == [words[1], ~words[0]]).all()


def test_a_guess_that_only_data_beside_refutes():
    logic = Literals()
    control, data, more = logic.var(), logic.var(), logic.var()
    # it is set by data that comes up two cycles later
    becomes, beside = {control: logic.either(control, data)}, {data: more, more: more ^ 1}
    assert lasting(logic, becomes, [], [(control ^ 1,)], beside) == []
    assert lasting(logic, {control: control}, [], [(control ^ 1,)], beside) == [(control ^ 1,)]
