"""Questions about bits: against all words of a few variables."""

import sys
from itertools import product

import pytest

from bittrue.model.exceptions import ToolMissing
from bittrue.sim.bits import Asked, BitSolver, evaluated
from bittrue.sim.literals import FALSE, TRUE, Literals

pytestmark = pytest.mark.needs(packages=("bitwuzla",))


@pytest.fixture
def parts():
    """Return logic, its variables, and two literals of them."""
    logic = Literals()
    a, b, c = (logic.var() for _ in range(3))
    return logic, (a, b, c), logic.both(a, logic.differ(b, c)), logic.choose(a, b, c)


def words(logic, variables, roots):
    """Return what some literals are for all values of variables."""
    for bits in product((False, True), repeat=len(variables)):
        values = {v >> 1: bit for v, bit in zip(variables, bits, strict=True)}
        found = evaluated(logic, roots, values)
        yield bits, [found[root >> 1] ^ bool(root & 1) for root in roots]


def test_answers_are_those_of_all_words(parts):
    logic, variables, one, other = parts
    solver = BitSolver(logic)
    for left, right in product((one, one ^ 1), (other, other ^ 1)):
        seen = [bits for bits, truth in words(logic, variables, [left, right]) if all(truth)]
        values = solver.true_at_once([[left], [right]], 10)
        assert (values is not None) == bool(seen)
        if values is not None:
            found = evaluated(logic, [left, right], values)
            assert all(found[root >> 1] ^ bool(root & 1) for root in (left, right))


def test_of_a_clause_one_literal_is_enough(parts):
    logic, (a, b, _), _, _ = parts
    solver = BitSolver(logic)
    values = solver.true_at_once([[a, b], [a ^ 1]], 10)
    assert (values[a >> 1], values[b >> 1]) == (False, True)
    assert solver.true_at_once([[a, b], [a ^ 1], [b ^ 1]], 10) is None


def test_what_holds_stays_and_the_core_says_why_not(parts):
    logic, (a, b, c), _, _ = parts
    asked = Asked(logic)
    asked.holds([a ^ 1, b])
    assert asked.true([a, c]) and asked.value(b) and asked.value(c)
    assert not asked.true([a, c, b ^ 1])
    assert asked.core() == {a, b ^ 1}
    assert asked.true([a, TRUE]) and not asked.true([FALSE, a])
    assert asked.core() == {FALSE}


def test_without_the_package(parts, monkeypatch):
    monkeypatch.setitem(sys.modules, "bitwuzla", None)
    message = r"^bitwuzla must be installed for proofs, got none: pip install 'bittrue\[prove\]'$"
    with pytest.raises(ToolMissing, match=message):
        BitSolver(parts[0])
