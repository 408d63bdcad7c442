"""The specification for proofs, on constants, beside the fixed model; and what it may import."""

import ast
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from designs import drawn_design, drawn_session
from networks import drawn_curve

import bittrue.sim.spec
import bittrue.sim.spec_training
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import FixedType, Format, Overflow, Rounding, requantize_counted
from bittrue.model.learner import Learner, learning
from bittrue.model.learning import RULES, STOCHASTIC
from bittrue.model.makers import make_curve
from bittrue.sim.spec import Number, Specification
from bittrue.sim.spec_training import TrainingSpecification
from bittrue.sim.term_values import values_of
from bittrue.sim.terms import Terms, signed
from bittrue.sim.weight_terms import constant_codes

SOURCES = [
    Path(module.__file__).read_text() for module in (bittrue.sim.spec, bittrue.sim.spec_training)
]
MAY_IMPORT = {
    "collections.abc": {"Sequence"},
    "typing": {"NamedTuple"},
    "bittrue.model.curves": {"Curve"},
    "bittrue.model.learning": {"STOCHASTIC", "Derivative", "LayerLearning", "Learning"},
    "bittrue.model.modes": {"Overflow", "Rounding"},
    "bittrue.model.shape": {"Layer", "Shape"},
    "bittrue.model.types": {"FixedType", "Format"},
    ".spec": {"NeuronCodes", "Number", "Specification", "Word"},
    ".terms": {"Term", "Terms"},
}
DESCRIBED = {
    "accumulator", "bias", "curve", "delta", "derivative", "error", "format", "frac", "input",
    "inputs", "intercept_format", "layers", "learning", "max_code", "min_code", "mirror", "output",
    "outputs", "overflow", "preactivation", "rate", "rate_format", "rounding", "rule", "segments",
    "signed", "slope_format", "start", "weight", "width",
}  # fmt: skip


READ = ("layer", "curve", "shape", "target", "format", "learning", "own", "type")


def strays(text):
    """Yield what a specification reads beside descriptions and terms."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            yield from {a.name for a in node.names} - MAY_IMPORT.get(name, set())
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            described = node.value.id in READ
            if described and node.attr not in DESCRIBED:
                yield f"{node.value.id}.{node.attr}"


@pytest.mark.parametrize("text", SOURCES)
def test_it_reads_descriptions_only(text):
    assert list(strays(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "import numpy",
        "from bittrue.model.formats import requantize",
        "from bittrue.model.fixed import FixedNetwork",
        "from bittrue.hdl.requantize import increment_of",
        "from bittrue.hdl.curve_rows import cells_of",
        "from .cell_terms import term_of",
        "from bittrue.model.learner import rounded",
        "from bittrue.model.lfsr import drawn",
        "from bittrue.model.learning import derivative_of",
        "own.delta.format\nlearning.shift_only",
        "curve.evaluate(z)",
        "layer.curve.line(z)\ncurve.segment_of(z)",
    ],
)
def test_a_stray_is_seen(text):
    assert list(strays(text))


def unsigned(codes, width):
    return np.array([int(code) & ((1 << width) - 1) for code in codes.tolist()], dtype=object)


def check_requantize(codes, source, target):
    """Hold code and losses against the fixed model's, each code for itself."""
    terms = Terms()
    spec, x = Specification(terms), terms.var("x", source.width)
    made = spec.requantize(spec.number(x, source), target)
    found = values_of(made, {x: unsigned(codes, source.width)})
    expected, _ = requantize_counted(codes, source, target.format, target.rounding, target.overflow)
    assert (found[made.code] == unsigned(expected, target.format.width)).all(), (source, target)
    counted = [
        requantize_counted(codes[n : n + 1], source, target.format, target.rounding,
                           target.overflow)[1]
        for n in range(0, len(codes), max(len(codes) // 16, 1))
    ]  # fmt: skip
    places = range(0, len(codes), max(len(codes) // 16, 1))
    for n, loss in zip(places, counted, strict=True):
        lost = (int(found[made.inexact][n]), int(found[made.overflowed][n]))
        assert lost == (loss.inexact, loss.overflowed), (source, target, codes[n])


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("overflow", Overflow)
def test_requantize_of_all_codes_of_small_formats(rounding, overflow):
    shapes = [(s, w, f) for s in (False, True) for w in (1, 3, 6) for f in (-1, 2, 5)]
    for source, target in product(shapes, shapes[::4] + shapes[1::7]):
        source, target = Format(*source), Format(*target)
        codes = np.arange(source.min_code, source.max_code + 1)
        check_requantize(codes, source, FixedType(target, rounding, overflow))


@pytest.mark.parametrize("seed", range(20))
def test_requantize_of_wide_formats(seed):
    rng = np.random.default_rng(seed)
    source = Format(bool(rng.integers(0, 2)), int(rng.integers(20, 50)), int(rng.integers(0, 40)))
    target = Format(bool(rng.integers(0, 2)), int(rng.integers(1, 30)), int(rng.integers(-3, 30)))
    low, high = source.min_code, source.max_code
    codes = np.array([low, low + 1, -1 if source.signed else 0, 0, 1, high - 1, high])
    codes = np.concatenate([codes, rng.integers(low, high, 50)])
    modes = rng.choice(list(Rounding)), rng.choice(list(Overflow))
    try:
        check_requantize(codes, source, FixedType(target, *modes))
    except BittrueError as refused:
        assert "63 bits" in str(refused)


def check_curve(curve):
    terms = Terms()
    z = terms.var("z", curve.input.width)
    made = Specification(terms).curve(z, curve)
    codes = np.arange(curve.input.min_code, curve.input.max_code + 1)
    found = values_of(made, {z: unsigned(codes, curve.input.width)})
    expected = unsigned(curve.evaluate(codes), curve.output.format.width)
    assert (found[made.code] == expected).all()


@pytest.mark.parametrize("name", ["plan", "alaw", "hard-sigmoid", "step", "relu", "plan-tanh"])
@pytest.mark.parametrize("rounding", [Rounding.TRN, Rounding.RND_CONV])
def test_curves_of_all_codes(name, rounding):
    for format in ("fxp-s8/4", "fxp-s12/8"):
        type = FixedType.parse(format)
        check_curve(make_curve(name, type.format, FixedType(type.format, rounding, Overflow.SAT)))


@pytest.mark.parametrize("seed", range(25))
def test_drawn_curves_of_all_codes(seed):
    rng = np.random.default_rng(seed)
    width = int(rng.integers(2, 11))
    input = Format(bool(rng.integers(0, 2)), width, int(rng.integers(-1, 8)))
    output = FixedType(
        Format(bool(rng.integers(0, 2)), int(rng.integers(2, 12)), int(rng.integers(0, 9))),
        rng.choice(list(Rounding)),
        rng.choice(list(Overflow)),
    )
    check_curve(drawn_curve(rng, input, output))


@pytest.mark.parametrize("bias", [False, True])
def test_a_network_beside_the_fixed_model(bias):
    """Every stage of every layer, weights and inputs being constants."""
    design = drawn_design(3, (3, 4, 2), "fxp-s8/4", bias=bias)
    codes = drawn_session(4, design, 6).codes
    stages = FixedNetwork(design).trace(codes)
    terms = Terms()
    weights = [
        constant_codes(terms, *layer)
        for layer in zip(
            design.shape.layers, design.weights.weights, design.weights.biases, strict=True
        )
    ]
    for sample, row in enumerate(codes.tolist()):
        inputs = [terms.const(code, 8) for code in row]
        words = Specification(terms).network(design.shape, inputs, weights)
        assert [(w.layer, w.neuron) for w in words[:8]] == [(0, n) for n in [*range(4)] * 2]
        for word in words:
            wanted = getattr(stages[word.layer], word.stage)[sample][word.neuron]
            assert word.code.constant == int(wanted) & ((1 << word.code.width) - 1), word


def test_products_have_twice_the_width():
    terms = Terms()
    spec = Specification(terms)
    for one, other in pairwise((True, False, False, True, True)):
        a, b = Format(one, 16, 3), Format(other, 16, 4)
        made = spec.product(terms.var("a", 16), a, terms.var("b", 16), b)
        assert made.frac == 7
        assert made.term.width == 32 + (not one and not other)


def test_sums_are_exact():
    terms = Terms()
    spec = Specification(terms)
    x = [terms.var(f"x{n}", 8) for n in range(5)]
    total = spec.total([Number(word, n % 3) for n, word in enumerate(x)])
    ends = {word: np.array([128, 127, 255], dtype=object) for word in x}
    found = values_of([total.term], ends)[total.term].tolist()
    shifts = [4, 2, 1, 4, 2]
    wanted = [sum(shifts) * end for end in (-128, 127, -1)]
    assert total.frac == 2
    assert [int(word) for word in found] == [w & ((1 << total.term.width) - 1) for w in wanted]


def codes_of(words):
    return [signed(word.constant, word.width) for word in words]


RATES = [0.25, 0.3, 0.9, 0.01]
CURVES = ["plan", "hard-sigmoid", "plan-tanh", "alaw"]


@pytest.mark.parametrize("seed", range(32))
def test_a_step_beside_the_learner(seed):
    """Errors, deltas, new weights, biases and the register: rules, modes, rates and curves."""
    rounding = [*Rounding, STOCHASTIC][seed % 8]
    plain = drawn_design(
        seed, (3, 4, 2), ["fxp-s8/4", "fxp-s12/8", "fxp-s16/12"][seed % 3], bias=seed % 2 == 1,
        curve=CURVES[seed // 2 % 4],
    )  # fmt: skip
    rate = RATES[seed // 4 % 4]
    design = learning(plain, rate, rule=RULES[seed // 8 % 2], rounding=rounding)
    shape, learner, rng = design.shape, Learner(design), np.random.default_rng(seed)
    low, high = shape.input.format.min_code, shape.input.format.max_code + 1
    given, targets = rng.integers(low, high, 3), rng.integers(low, high, 2)
    terms, width = Terms(), shape.input.format.width
    layers = zip(shape.layers, design.weights.weights, design.weights.biases, strict=True)
    weights = [constant_codes(terms, *layer) for layer in layers]
    inputs, wanted = ([terms.const(int(c), width) for c in row] for row in (given, targets))
    state = terms.const(learner.state, 16) if rounding == STOCHASTIC else None
    step = TrainingSpecification(terms).step(shape, inputs, wanted, weights, state)
    shown = learner.step(given, targets)
    for word in step.words:
        if word.stage in ("error", "delta"):
            expected = int(getattr(shown[word.layer], word.stage)[word.neuron])
            assert codes_of([word.code]) == [expected], word
    new = learner.design.weights
    for number, neurons in enumerate(step.weights):
        assert [codes_of(n.weights) for n in neurons] == new.weights[number].tolist()
        if new.biases[number] is not None:
            assert codes_of([n.bias for n in neurons]) == new.biases[number].tolist()
    assert (step.state.constant if step.state else None) == (new.state if step.state else None)
