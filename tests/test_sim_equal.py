"""Words proven equal: what differs, however rarely, is never called equal."""

import pytest

from bittrue.model.exceptions import BittrueError
from bittrue.sim.equal import Comparison, Pair, Status
from bittrue.sim.solver import Solver
from bittrue.sim.term_values import value_of
from bittrue.sim.terms import Terms


@pytest.fixture
def terms():
    return Terms()


def compared(terms, *pairs, solver=None):
    return Comparison(terms, solver or Solver()).run(pairs)


def but_for(terms, word, value):
    """Return a word, another one for a single value."""
    here = terms.binary("eq", word, terms.const(value, word.width))
    return terms.ite(here, terms.binary("add", word, terms.const(1, word.width)), word)


@pytest.mark.parametrize("width", [12, 16, 24, 64, 90])
def test_one_value_in_all(terms, width):
    """No drawn value meets it: trying all, or the solver, must."""
    word = terms.binary("xor", terms.var("a", width), terms.const(0x5A5, width))
    outcome = compared(terms, Pair("word", word, but_for(terms, word, 0x123)))
    assert outcome.status is Status.REFUTED
    assert outcome.different == "word"
    assert outcome.values == {"a": 0x123 ^ 0x5A5}
    assert (outcome.tried > 0) == (width <= 16)


@pytest.mark.parametrize("width", [9, 16, 33])
def test_one_value_of_an_inner_word(terms, width):
    """What is found alike for drawn values is not taken for it before it is proven."""
    word = terms.binary("xor", terms.var("a", width), terms.var("b", width))
    strange = but_for(terms, word, 77)
    ends = [terms.binary("add", w, terms.var("c", width)) for w in (word, strange)]
    outcome = compared(terms, Pair("inner", word), Pair("sum", *ends))
    assert outcome.status is Status.REFUTED
    assert outcome.found <= 1
    values = outcome.values
    assert value_of(ends[0], values) != value_of(ends[1], values)


def test_proven_words_are_forgotten_on_both_sides(terms):
    """A product of 32 bits, wrapped in two ways: too much for a solver, if nothing is forgotten."""
    a, b = (terms.sext(terms.var(name, 16), 32) for name in "ab")
    product = terms.binary("mul", a, b)
    wide = terms.slice(terms.binary("mul", terms.sext(a, 40), terms.sext(b, 40)), 0, 32)
    assert wide is not product
    one = terms.binary("add", terms.sext(product, 34), terms.const(7, 34))
    other = terms.sext(terms.binary("add", terms.sext(product, 33), terms.const(7, 33)), 34)
    assert compared(terms, Pair("sum", one, other)).status is Status.PROVEN


def test_a_product_as_any_word_is_not_enough(terms):
    """Squares are even where their root is: untrue of any word, asked again of the product."""
    root = terms.concat([terms.const(0, 1), terms.var("half", 9)])
    square = terms.binary("mul", root, root)
    low = terms.slice(square, 0, 2)
    even = terms.binary("and", terms.zext(low, 3), terms.const(4, 3))
    assert compared(terms, Pair("low", terms.zext(low, 3), even)).status is Status.PROVEN
    odd = terms.var("x", 10)
    low = terms.zext(terms.slice(terms.binary("mul", odd, odd), 0, 1), 3)
    outcome = compared(terms, Pair("low", low, terms.const(0, 3)))
    assert outcome.status is Status.REFUTED
    assert outcome.values["x"] % 2


def test_different_products_are_not_shared(terms):
    a, b, c = (terms.sext(terms.var(name, 16), 32) for name in "abc")
    one, other = terms.binary("mul", a, b), terms.binary("mul", a, c)
    outcome = compared(terms, Pair("product", one, other))
    assert outcome.status is Status.REFUTED
    outcome = compared(terms, Pair("product", one, but_for(terms, one, 3 * 5)))
    assert outcome.status is Status.REFUTED
    assert value_of(one, outcome.values) == 15


def test_the_largest_product_is_within_its_range(terms):
    """-2**15 · -2**15 is the one product that needs bit 30: it must not be left out."""
    a, b = (terms.sext(terms.var(name, 16), 32) for name in "ab")
    product = terms.binary("mul", a, b)
    cut = terms.sext(terms.slice(product, 0, 31), 32)
    outcome = compared(terms, Pair("product", product, cut))
    assert outcome.status is Status.REFUTED
    assert outcome.values == {"a": 1 << 15, "b": 1 << 15}
    narrow = terms.sext(terms.slice(product, 0, 32), 40)
    assert compared(terms, Pair("p", terms.sext(product, 40), narrow)).status is Status.PROVEN


def test_a_product_of_unsigned_words_has_another_range(terms):
    a, b = (terms.zext(terms.var(name, 16), 32) for name in "ab")
    product = terms.binary("mul", a, b)
    read_signed = terms.sext(product, 33)
    outcome = compared(terms, Pair("p", terms.zext(product, 33), read_signed))
    assert outcome.status is Status.REFUTED
    assert outcome.values["a"] * outcome.values["b"] >= 1 << 31


def test_a_product_that_may_wrap_is_any_word(terms):
    a, b = (terms.var(name, 16) for name in "ab")
    product = terms.binary("mul", a, b)
    exact = terms.binary("mul", terms.sext(a, 32), terms.sext(b, 32))
    outcome = compared(terms, Pair("p", exact, terms.sext(product, 32)))
    assert outcome.status is Status.REFUTED


def test_questions_with_other_ranges_are_other_questions(terms):
    """Sums of two products in 14 bits: of 6-bit words they cannot wrap, of 7-bit ones they can."""
    pairs = []
    for width in (6, 7):
        words = [terms.sext(terms.var(f"{n} of {width}", width), 14) for n in "abcd"]
        products = [terms.binary("mul", *words[:2]), terms.binary("mul", *words[2:])]
        cut = terms.sext(terms.binary("add", *products), 15)
        exact = terms.binary("add", *(terms.sext(product, 15) for product in products))
        pairs.append(Pair(f"{width} bits", exact, cut))
    assert compared(terms, pairs[0]).status is Status.PROVEN
    outcome = compared(terms, *pairs)
    assert (outcome.status, outcome.different) == (Status.REFUTED, "7 bits")


def test_pairs_of_one_name_are_not_confused(terms):
    a, b = terms.var("a", 30), terms.var("b", 30)
    one, other = terms.not_(a), terms.not_(b)
    ends = [terms.binary("add", word, terms.const(5, 30)) for word in (one, other)]
    outcome = compared(
        terms, Pair("word", one, one), Pair("word", other, other), Pair("end", *ends)
    )
    assert (outcome.status, outcome.different) == (Status.REFUTED, "end")


def test_a_variable_of_a_word_is_new(terms):
    """Names of variables that are given cannot meet those that stand for words."""
    a = terms.var("a", 30)
    one = terms.binary("add", a, terms.const(5, 30))
    taken = [terms.var(f"word {n}, x", 30) for n in range(3)]
    for word in taken:
        outcome = compared(terms, Pair("x", one, one), Pair("end", one, word))
        assert outcome.status is Status.REFUTED


def test_an_answer_that_takes_too_long_is_unknown(terms):
    a, b = (terms.zext(terms.var(name, 32), 64) for name in "ab")
    large = terms.const(3000000019 * 4000000007, 64)
    factors = terms.binary("eq", terms.binary("mul", a, b), large)
    one, other = factors, terms.const(0, 1)
    outcome = compared(terms, Pair("factors", one, other), solver=Solver(seconds=0.2))
    assert outcome.status is Status.UNKNOWN
    assert outcome.different == "factors"
    assert outcome.values == {}


def test_a_word_that_is_only_looked_for_may_be_missing(terms):
    a = terms.var("a", 20)
    missing = terms.binary("xor", a, terms.const(99, 20))
    end = terms.binary("add", a, a), terms.binary("shl", a, terms.const(1, 20))
    outcome = compared(terms, Pair("inner", missing), Pair("end", *end))
    assert outcome.status is Status.PROVEN
    assert outcome.found == 1


def test_widths_must_be_equal(terms):
    message = r"^word must have 8 bits on both sides, got 7$"
    with pytest.raises(BittrueError, match=message):
        compared(terms, Pair("word", terms.var("a", 8), terms.var("b", 7)))


def test_the_solver_keeps_to_ranges(terms):
    a, b = terms.var("a", 8), terms.var("b", 8)
    solver = Solver()
    assert solver.differ(a, terms.const(3, 8), within={a: (3, 3)}) is None
    assert solver.differ(a, b, within={a: (-5, -5), b: (-5, -4)}) == {"a": 251, "b": 252}
    assert solver.version.startswith("bitwuzla ")
    assert solver.asked == 2


class Silent:
    """A solver that must not be asked."""

    asked = 0

    def differ(self, a, b, *, within=None):
        raise AssertionError


def test_parities_in_any_order(terms):
    """Of more bits than can be tried, and without a question."""
    bits = [terms.var(f"bit {n}", 1) for n in range(24)]

    def parity(order):
        total = terms.const(0, 1)
        for n in order:
            total = terms.binary("xor", total, bits[n])
        return total

    halves = [parity(range(12)), parity(range(12, 24))]
    other = terms.binary("xor", *halves)
    words = [terms.concat([p, bits[0]]) for p in (parity(reversed(range(24))), other)]
    assert compared(terms, Pair("parity", *words), solver=Silent()).status is Status.PROVEN
    words[1] = terms.concat([terms.binary("xor", other, bits[5]), bits[0]])
    assert compared(terms, Pair("parity", *words)).status is Status.REFUTED
    twice = parity([*range(24), 3, 3])
    words[1] = terms.concat([twice, bits[0]])
    assert compared(terms, Pair("parity", *words), solver=Silent()).status is Status.PROVEN


def bounded(terms):
    """Return a word of 12 bits that comes from 24, and lies between 0 and 15."""
    total = terms.binary("add", terms.var("a", 12), terms.var("b", 12))
    return terms.binary("and", total, terms.const(15, 12))


@pytest.mark.parametrize(("ends", "asked"), [((0, 15), 1), (None, 2)])
def test_where_a_word_lies_is_proven_and_used(terms, ends, asked):
    word = bounded(terms)
    above, none = terms.binary("lshr", word, terms.const(4, 12)), terms.const(0, 12)
    solver = Solver()
    outcome = compared(
        terms, Pair("word", word, ends=ends), Pair("above", none, above), solver=solver
    )
    assert outcome.status is Status.PROVEN
    assert solver.asked == asked


@pytest.mark.parametrize("ends", [(0, 14), (1, 15)])
def test_where_a_word_does_not_lie_is_not_believed(terms, ends):
    word = bounded(terms)
    strange = but_for(terms, word, 15 if ends[0] == 0 else 0)
    one, other = (terms.binary("add", w, terms.var("c", 12)) for w in (word, strange))
    outcome = compared(terms, Pair("word", word, ends=ends), Pair("sum", one, other))
    assert outcome.status is Status.REFUTED


def test_ends_of_a_word_without_a_sign(terms):
    """Up to 128 in eight bits: as two's complement that would be -128."""
    total = terms.binary("add", terms.var("a", 8), terms.var("b", 16 - 8))
    top = terms.binary("ult", terms.const(128, 8), total)
    word = terms.ite(top, terms.const(128, 8), total)
    one, other = (terms.extend(word, 12, signed) for signed in (False, True))
    ends = Pair("word", word, ends=(0, 128))
    outcome = compared(terms, ends, Pair("sum", one, other))
    assert outcome.status is Status.REFUTED
    big = terms.binary("ult", word, terms.const(129, 8))
    assert compared(terms, ends, Pair("small", big, terms.const(1, 1))).status is Status.PROVEN


def test_products_of_two_widths_are_one(terms):
    """32 and 40 bits of the same operands, of which a solver knows nothing in time."""
    a, b = terms.var("a", 16), terms.var("b", 16)
    one, other = (
        terms.binary("mul", *(terms.sext(word, width) for word in (a, b))) for width in (32, 40)
    )
    words = terms.sext(one, 40), other
    assert compared(terms, Pair("product", *words), solver=Silent()).status is Status.PROVEN


def test_a_product_that_wraps_is_another(terms):
    a, b = terms.var("a", 9), terms.var("b", 9)
    one, other = (
        terms.binary("mul", *(terms.sext(word, width) for word in (a, b))) for width in (17, 18)
    )
    outcome = compared(terms, Pair("product", terms.sext(one, 18), other))
    assert outcome.status is Status.REFUTED
    assert outcome.values == {"a": 256, "b": 256}


def test_a_word_without_a_sign_is_known_in_every_width(terms):
    """Widened further, it is made anew of what is inside."""
    total = terms.binary("add", terms.var("a", 12), terms.var("b", 12))
    narrow = terms.ite(terms.var("chosen", 1), total, terms.const(3, 12))
    word, operand = terms.zext(narrow, 13), terms.var("c", 12)
    one, other = (
        terms.binary("mul", terms.sext(operand, width), terms.sext(word, width))
        for width in (25, 30)
    )
    other = terms.slice(other, 0, 25)
    pairs = Pair("word", word, ends=(0, 4095)), Pair("product", one, other)
    solver = Solver()
    assert compared(terms, *pairs, solver=solver).status is Status.PROVEN
    assert solver.asked == 1, "where the word lies, and nothing about the product"
