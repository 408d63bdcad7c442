"""Terms: folding, normal forms, and values by three ways of computing them."""

import numpy as np
import pytest

from bittrue.sim.solver import Solver
from bittrue.sim.term_values import value_of, values_of
from bittrue.sim.terms import FOLDED, Terms, below, mask, signed

WIDTHS = (1, 3, 8, 16, 33, 63, 64, 65, 130)


def plain(op, words, width, value=0, widths=()):
    """Return an operation on unsigned integers, in Python's own."""
    a, b = (*words, 0)[:2]
    down = signed(a, widths[0]) if widths else a
    match op:
        case "not":
            return ~a & mask(width)
        case "ite":
            return words[1] if words[0] else words[2]
        case "slice":
            return a >> value & mask(width)
        case "concat":
            total, low = 0, 0
            for word, size in zip(words, widths, strict=True):
                total |= word << low
                low += size
            return total
        case "sext":
            return down & mask(width)
        case "eq" | "ult":
            return int(a == b if op == "eq" else a < b)
        case "slt":
            return int(down < signed(b, widths[1]))
        case "add" | "sub" | "mul":
            return {"add": a + b, "sub": a - b, "mul": a * b}[op] & mask(width)
        case "and" | "or" | "xor":
            return {"and": a & b, "or": a | b, "xor": a ^ b}[op]
    return {"shl": a << min(b, 200), "lshr": a >> b, "ashr": down >> b}[op] & mask(width)


def evaluated(root, values):
    """Return a term's value, one operation after the other, in Python's integers."""
    known = {}
    for term in below([root]):
        if term.op == "const":
            known[term] = int(term.value)
        elif term.op == "var":
            known[term] = values[str(term.value)]
        else:
            words = [known[arg] for arg in term.args]
            widths = [arg.width for arg in term.args]
            known[term] = plain(term.op, words, term.width, term.value, widths)
    return known[root]


def drawn_word(rng, width):
    """Return a word, now and then an extreme one."""
    word = int.from_bytes(rng.bytes(width // 8 + 1), "little") & mask(width)
    return [word, word, 0, mask(width), 1 << width - 1][int(rng.integers(0, 5))]


def drawn_term(terms, rng, width, depth):
    """Return a term of drawn operations."""
    if depth == 0:
        if rng.random() < 0.3:
            return terms.const(drawn_word(rng, width), width)
        return terms.var(f"v{int(rng.integers(0, 3))} of {width}", width)

    def one(width=width):
        return drawn_term(terms, rng, width, depth - 1)

    other = int(rng.choice(WIDTHS))
    match int(rng.integers(0, 8)):
        case 0:
            return terms.not_(one())
        case 1:
            return terms.ite(one(1), one(), one())
        case 2 if other > width:
            return terms.slice(one(other), int(rng.integers(0, other - width + 1)), width)
        case 3 if width > 1:
            low = int(rng.integers(1, width))
            return terms.concat([one(low), one(width - low)])
        case 4 if other < width:
            return terms.extend(one(other), width, bool(rng.random() < 0.7))
        case 5:
            ops = ("eq", "ult", "slt")
            bit = terms.binary(str(rng.choice(ops)), one(other), one(other))
            return terms.extend(bit, width, is_signed=True)
    kinds = [op for op in FOLDED if op not in ("eq", "ult", "slt")]
    return terms.binary(str(rng.choice(kinds)), one(), one())


@pytest.mark.parametrize("seed", range(60))
def test_three_ways_to_a_value(seed):
    terms, rng = Terms(), np.random.default_rng(seed)
    root = drawn_term(terms, rng, int(rng.choice(WIDTHS)), 4)
    free = [term for term in below([root]) if term.op == "var"]
    many = {term: [drawn_word(rng, term.width) for _ in range(5)] for term in free}
    arrays = {term: np.array(words, dtype=object) for term, words in many.items()}
    found = values_of([root], arrays)[root]
    for n in range(5 if free else 1):
        values = {str(term.value): words[n] for term, words in many.items()}
        expected = evaluated(root, values)
        assert int(found[n]) == expected
        assert value_of(root, values) == expected
        constants = {term: terms.const(words[n], term.width) for term, words in many.items()}
        for term in below([root]):
            args = [constants[arg] for arg in term.args]
            constants.setdefault(term, terms.rebuilt(term, args))
        assert constants[root].constant == expected, "folded"


@pytest.mark.parametrize("seed", range(12))
def test_the_solver_means_the_same(seed):
    terms, rng = Terms(), np.random.default_rng(1000 + seed)
    root = drawn_term(terms, rng, int(rng.choice(WIDTHS)), 3)
    values = {str(t.value): drawn_word(rng, t.width) for t in below([root]) if t.op == "var"}
    fixed = terms.const(1, 1)
    for term in below([root]):
        if term.op == "var":
            here = terms.binary("eq", term, terms.const(values[str(term.value)], term.width))
            fixed = terms.binary("and", fixed, here)
    expected = terms.const(evaluated(root, values), root.width)
    wrong = terms.not_(terms.binary("eq", root, expected))
    assert Solver().can_be(terms.binary("and", fixed, wrong), 1) is None
    right = terms.binary("and", fixed, terms.binary("eq", root, expected))
    assert Solver().can_be(right, 1) is not None


def test_equal_terms_are_one():
    terms = Terms()
    a, b = terms.var("a", 8), terms.var("b", 8)
    assert terms.binary("add", a, b) is terms.binary("add", b, a)
    assert terms.binary("sub", a, b) is not terms.binary("sub", b, a)
    assert terms.var("a", 9) is not a
    assert terms.const(-1, 8) is terms.const(255, 8)
    assert repr(terms.binary("sub", a, b)) == "#3: sub[8](#0, #1; 0)"


def test_bits_that_were_taken_apart_are_joined():
    terms = Terms()
    a = terms.var("a", 8)
    assert terms.concat([terms.slice(a, 0, 3), terms.slice(a, 3, 5)]) is a
    assert terms.concat([terms.slice(a, n, 1) for n in range(8)]) is a
    assert terms.concat([terms.slice(a, 3, 5), terms.slice(a, 0, 3)]).op == "concat"
    assert terms.slice(terms.slice(a, 2, 5), 1, 3) is terms.slice(a, 3, 3)
    assert terms.concat([terms.const(1, 2), terms.const(1, 1)]) is terms.const(5, 3)
    assert terms.concat([]).width == 0


def test_a_sign_that_is_copied_is_an_extension():
    terms = Terms()
    a = terms.var("a", 4)
    sign = terms.slice(a, 3, 1)
    assert terms.concat([a, sign, sign, sign]) is terms.sext(a, 7)
    assert terms.sext(terms.sext(a, 5), 7) is terms.sext(a, 7)
    assert terms.slice(terms.sext(a, 7), 1, 3) is terms.slice(a, 1, 3)
    assert terms.sext(a, 2) is terms.slice(a, 0, 2) is terms.zext(a, 2)
    assert terms.slice(terms.sext(a, 9), 5, 1) is sign
    assert terms.slice(terms.sext(a, 9), 2, 5) is terms.sext(terms.slice(a, 2, 2), 5)
    assert terms.concat([a, terms.slice(terms.sext(a, 9), 4, 5)]) is terms.sext(a, 9)
    part = terms.slice(a, 0, 2)
    assert terms.concat([part, terms.slice(a, 1, 1)]) is terms.sext(part, 3)
    assert terms.sext(terms.zext(a, 5), 9) is terms.zext(a, 9)
    assert terms.sext(terms.concat([a, terms.const(2, 2)]), 8).args[1].constant == 14
    bit = terms.var("bit", 1)
    assert value_of(terms.concat([bit, bit]), {"bit": 1}) == 3


def test_what_a_constant_decides_is_folded():
    terms = Terms()
    a, bit = terms.var("a", 8), terms.var("bit", 1)
    zero, ones = terms.const(0, 8), terms.const(255, 8)
    for op in ("or", "xor", "add", "sub", "shl", "lshr", "ashr"):
        assert terms.binary(op, a, zero) is a
    assert terms.binary("and", a, ones) is a
    assert terms.binary("and", zero, a) is zero is terms.binary("mul", a, zero)
    assert terms.binary("or", ones, a) is ones
    assert terms.binary("ult", a, zero).constant == 0
    assert terms.binary("eq", a, a).constant == 1
    assert terms.binary("slt", a, a).constant == terms.binary("xor", a, a).constant == 0
    assert terms.binary("eq", bit, terms.const(1, 1)) is bit
    assert terms.not_(terms.not_(a)) is a
    assert terms.ite(bit, a, a) is a
    assert terms.ite(terms.const(0, 1), a, zero) is zero


@pytest.mark.parametrize("width", [1, 2, 7])
def test_reductions(width):
    terms = Terms()
    a = terms.var("a", width)
    for word in range(1 << width):
        bits = word.bit_count()
        found = [value_of(r, {"a": word}) for r in (terms.any(a), terms.all(a), terms.odd(a))]
        assert found == [bits > 0, bits == width, bits % 2]
