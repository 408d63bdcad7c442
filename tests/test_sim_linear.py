"""Sums of words: what is called the same sum is the same word for every value."""

import numpy as np
import pytest

from bittrue.sim.linear import same_sum
from bittrue.sim.term_values import values_of, variables
from bittrue.sim.terms import Terms


@pytest.fixture
def terms():
    return Terms()


def wide(terms, name, width, to):
    return terms.sext(terms.var(name, width), to)


def test_order_and_width_of_additions_do_not_matter(terms):
    a, b, c = (wide(terms, name, 8, 12) for name in "abc")
    one = terms.binary("add", terms.binary("add", a, b), c)
    narrow = terms.binary("add", terms.slice(b, 0, 10), terms.slice(c, 0, 10))
    other = terms.binary("add", terms.sext(narrow, 12), a)
    assert same_sum(one, other, {})


def test_shifts_and_factors_are_multiples(terms):
    a = wide(terms, "a", 8, 16)
    shifted = terms.binary("shl", a, terms.const(3, 16))
    assert same_sum(shifted, terms.binary("mul", a, terms.const(8, 16)), {})
    raised = terms.sext(terms.concat([terms.const(0, 3), terms.var("a", 8)]), 16)
    assert same_sum(shifted, raised, {})
    minus = terms.binary("mul", a, terms.const(-8, 16))
    assert same_sum(terms.binary("sub", terms.const(0, 16), shifted), minus, {})
    assert not same_sum(shifted, minus, {})


def test_a_sum_that_may_wrap_is_another(terms):
    a, b = terms.var("a", 8), terms.var("b", 8)
    wrapped = terms.sext(terms.binary("add", a, b), 9)
    exact = terms.binary("add", terms.sext(a, 9), terms.sext(b, 9))
    assert not same_sum(wrapped, exact, {})
    assert same_sum(wrapped, exact, {a: (-64, 63), b: (-64, 63)})
    assert not same_sum(wrapped, exact, {a: (-64, 65), b: (-64, 63)})


def test_a_shift_that_drops_the_top_is_another(terms):
    a = terms.var("a", 8)
    dropped = terms.sext(terms.binary("shl", a, terms.const(1, 8)), 9)
    assert not same_sum(dropped, terms.binary("add", terms.sext(a, 9), terms.sext(a, 9)), {})


def test_signed_and_unsigned_readings_differ(terms):
    a = terms.var("a", 8)
    assert not same_sum(terms.sext(a, 12), terms.zext(a, 12), {})
    assert same_sum(
        terms.binary("add", terms.zext(a, 12), terms.zext(a, 12)),
        terms.binary("shl", terms.zext(a, 12), terms.const(1, 12)),
        {},
    )


def drawn_sum(terms, rng, depth):
    """Return a word of drawn additions, shifts, extensions and cuts."""
    width = int(rng.integers(4, 9))
    if depth == 0:
        if rng.random() < 0.2:
            return terms.const(int(rng.integers(0, 256)), width)
        return terms.extend(terms.var(f"v{rng.integers(0, 2)}", 3), width, rng.random() < 0.7)
    a, b = (terms.sext(drawn_sum(terms, rng, depth - 1), width) for _ in range(2))
    match int(rng.integers(0, 5)):
        case 0:
            return terms.binary("sub", a, b)
        case 1:
            return terms.binary("shl", a, terms.const(int(rng.integers(0, 3)), width))
        case 2:
            return terms.binary("mul", a, terms.const(int(rng.integers(0, 256)), width))
        case 3:
            return terms.concat([terms.const(0, 1), a])
    return terms.binary("add", a, b)


def test_same_sums_are_the_same_for_all_values():
    """Drawn pairs: whatever is called the same is so for all values of two words of 3 bits."""
    rng = np.random.default_rng(0)
    same = different = 0
    for _ in range(1500):
        terms = Terms()
        one, other = (
            terms.sext(drawn_sum(terms, rng, int(rng.integers(1, 3))), 8) for _ in range(2)
        )
        free = variables([one, other])
        words = np.arange(64, dtype=np.uint64)
        assigned = {t: words >> np.uint64(3 * n) & np.uint64(7) for n, t in enumerate(free)}
        if not free or one is other:
            continue
        found = values_of([one, other], assigned)
        equal = bool((found[one] == found[other]).all())
        if same_sum(one, other, {}):
            assert equal, (one, other)
            same += 1
        different += not equal
    assert same > 5
    assert different > 500
