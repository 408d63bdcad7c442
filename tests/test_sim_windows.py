from itertools import combinations, product

import numpy as np
import pytest

from bittrue.sim.windows import MOST_BITS, unseen_in, windows


@pytest.mark.parametrize("seed", range(20))
def test_combinations_are_the_smallest_that_no_state_has(seed):
    rng = np.random.default_rng(seed)
    states = rng.integers(0, 2, (5, int(rng.integers(2, 20)))).astype(np.uint8)
    states[4] = states[0] & states[1]
    found = unseen_in(states)
    seen = {tuple(column) for column in states.T.tolist()}

    def there(combination):
        return any(all(state[n] == value for n, value in combination) for state in seen)

    assert not any(map(there, found))
    for one in found:
        assert all(there(part) for part in combinations(one, len(one) - 1) if part)
    # and nothing is forgotten, up to the size that is looked at
    for columns in combinations(range(5), 4):
        for values in product((0, 1), repeat=4):
            whole = set(zip(columns, values, strict=True))
            assert there(whole) or any(set(one) <= whole for one in found)


def test_a_bit_that_never_moves():
    states = np.array([[0, 1, 1], [1, 1, 1]], dtype=np.uint8)
    assert unseen_in(states) == [((1, 0),)]


def test_windows_follow_a_chain():
    groups = {0: "a", 1: "b", 2: "b", 3: "c", 4: "d", 5: "e"}
    depends = {n: frozenset({n - 1} if n not in (0, 2) else ()) for n in groups}
    depends[2] = frozenset({0})
    depends[3] = frozenset({2})
    found = set(windows(groups, depends))
    assert {(0,), (1, 2), (0, 1, 2), (1, 2, 3), (0, 3), (0, 4), (1, 2, 4), (1, 2, 5)} <= found
    assert (0, 5) not in found


def test_what_all_depend_on_joins_nobody():
    groups = {n: f"stage {n}" for n in range(9)} | {9: "enable", 10: "before"}
    depends = {n: frozenset({9}) for n in range(9)} | {9: frozenset({10}), 10: frozenset()}
    found = set(map(frozenset, windows(groups, depends)))
    assert {0, 9} in found
    assert {9, 10} in found
    assert {0, 10} not in found


def test_wide_windows_are_left_out():
    groups = {n: "a" if n < MOST_BITS else "b" for n in range(MOST_BITS + 1)}
    depends = {n: frozenset({0}) for n in groups}
    assert set(windows(groups, depends)) == {tuple(range(MOST_BITS)), (MOST_BITS,)}
