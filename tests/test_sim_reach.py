from contextlib import suppress
from itertools import product

import numpy as np
import pytest

from bittrue.sim.bits import evaluated
from bittrue.sim.lasting import lasting
from bittrue.sim.literals import FALSE, TRUE, Literals
from bittrue.sim.reach import Reach, Reached

STATE, FREE, NODES = 5, 2, 14


class Drawn:
    """A machine of drawn logic, small enough to visit all its states."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.logic = logic = Literals()
        self.state = [logic.var() for _ in range(STATE)]
        self.free = [logic.var() for _ in range(FREE)]
        literals = [*self.state, *self.free]
        for _ in range(NODES):
            a, b, c = (
                int(literals[n]) ^ int(rng.integers(2)) for n in rng.integers(0, len(literals), 3)
            )
            made = [logic.both(a, b), logic.either(a, b), logic.differ(a, b), logic.choose(a, b, c)]
            literals.append(made[rng.integers(4)])
        self.becomes = {v: int(rng.choice(literals)) for v in self.state}
        self.initial = {v: bool(rng.integers(2)) for v in self.state}
        others = [
            int(n) ^ int(rng.integers(2)) for n in rng.choice(literals[:-1], 3, replace=False)
        ]
        self.bad = [logic.both(literals[-1], logic.both(a, b)) for a, b in (others[:2], others[1:])]

    def true(self, literals, state, free=(0,) * FREE):
        at = dict(zip([*self.state, *self.free], map(bool, (*state, *free)), strict=True))
        found = evaluated(self.logic, literals, {n >> 1: v for n, v in at.items()})
        return [found[n >> 1] ^ bool(n & 1) for n in literals]

    def after(self, state):
        frees = product((0, 1), repeat=FREE)
        return {tuple(self.true(list(self.becomes.values()), state, free)) for free in frees}

    def is_bad(self, state):
        return any(any(self.true(self.bad, state, free)) for free in product((0, 1), repeat=FREE))

    @property
    def reached(self):
        waiting, seen = [tuple(self.initial.values())], set()
        while waiting:
            state = waiting.pop()
            if state not in seen:
                seen.add(state)
                waiting += self.after(state)
        return seen

    def holds(self, clauses, state):
        return all(any(self.true(list(clause), state)) for clause in clauses)


SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_as_all_states_tell(seed):
    drawn = Drawn(seed)
    reach = Reach(drawn.logic, drawn.becomes, drawn.initial, [], 60)
    if any(map(drawn.is_bad, drawn.reached)):
        with pytest.raises(Reached):
            reach.never(drawn.bad)
        assert reach.found[0] in drawn.bad
        return
    clauses = reach.never(drawn.bad)
    inside = [s for s in product((False, True), repeat=STATE) if drawn.holds(clauses, s)]
    assert tuple(drawn.initial.values()) in inside
    for state in inside:
        assert not drawn.is_bad(state)
        assert all(drawn.holds(clauses, after) for after in drawn.after(state))


def test_both_answers_are_drawn():
    found = [any(map(drawn.is_bad, drawn.reached)) for drawn in map(Drawn, SEEDS)]
    assert 15 < sum(found) < 45


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_left_out_is_about_what_is_asked(seed):
    drawn = Drawn(seed)
    reach = Reach(drawn.logic, drawn.becomes, drawn.initial, [], 60)
    with suppress(Reached):
        reach.never(drawn.bad)
    every, some = reach.left_out(set(drawn.state)), reach.left_out(set(drawn.state[:3]))
    assert some == [clause for clause in every if {n & ~1 for n in clause} <= set(drawn.state[:3])]
    # all hold for no cycle at least
    assert drawn.holds(every, tuple(drawn.initial.values()))


@pytest.mark.parametrize("seed", SEEDS)
def test_lasting_clauses_last(seed):
    drawn, rng = Drawn(seed), np.random.default_rng(seed)
    first = {v ^ (not value) for v, value in drawn.initial.items()}
    drawn_clauses = {
        tuple(
            sorted(int(v) ^ int(rng.integers(2)) for v in rng.choice(drawn.state, 2, replace=False))
        )
        for _ in range(30)
    }
    clauses = sorted(clause for clause in drawn_clauses if first & set(clause))
    kept = lasting(drawn.logic, drawn.becomes, [], clauses)
    assert set(kept) <= set(clauses)
    for state in drawn.reached:
        assert drawn.holds(kept, state)
    # none that lasts with the others is left out
    for clause in set(clauses) - set(kept):
        states = [
            s for s in product((False, True), repeat=STATE) if drawn.holds([*kept, clause], s)
        ]
        assert not all(drawn.holds([clause], after) for s in states for after in drawn.after(s))


def test_no_time():
    drawn = Drawn(0)
    variable, value = next(iter(drawn.initial.items()))
    with pytest.raises(TimeoutError, match=r"^not decided in time$"):
        Reach(drawn.logic, drawn.becomes, drawn.initial, [], -1).never([variable ^ value])


def test_nothing_bad():
    drawn = Drawn(0)
    assert Reach(drawn.logic, drawn.becomes, drawn.initial, [], 60).never([FALSE]) == []
    with pytest.raises(Reached):
        Reach(drawn.logic, drawn.becomes, drawn.initial, [], 60).never([TRUE])
