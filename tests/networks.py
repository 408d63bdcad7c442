"""Networks for tests of engines: a layer that gives its pre-activation as it is; drawn ones."""

from itertools import pairwise

import numpy as np

from bittrue.model.curves import Curve, Segment
from bittrue.model.design import Design, Layer, Shape, Weights
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import FixedType, Format, Overflow, Rounding
from bittrue.model.kernels import ENGINES
from bittrue.model.makers import make_curve


def line(input, output):
    """Return the curve that is z itself."""
    slope, intercept = Format(False, 1, 0), Format(False, 1, 0)
    return Curve("line", input, output, slope, intercept, (Segment(input.min_code, 1, 0),))


def network_of(weights, input, stage, biases=None, bias=None, **options):
    """Return a network of one layer, which gives its pre-activation as it is."""
    width = Format(True, 28, 0)
    curve = line(stage.format, FixedType(stage.format))
    layer = Layer(
        weights.shape[1], len(weights), FixedType(input), FixedType(width), bias, stage, curve
    )
    return FixedNetwork(Design(Shape((layer,)), Weights([weights], [biases])), **options)


def drawn_network(seed):
    """Return a design of drawn sizes, formats, modes and curves, and codes for it."""
    rng = np.random.default_rng(seed)

    def type(widest):
        width = int(rng.integers(1, widest + 1))
        format = Format(bool(rng.random() < 0.7), width, int(rng.integers(-2, width + 4)))
        return FixedType(format, rng.choice(list(Rounding)), rng.choice(list(Overflow)))

    def codes(format, shape, scale):
        drawn = rng.integers(format.min_code, format.max_code + 1, shape)
        return (drawn * scale).astype(np.int64)

    sizes = rng.integers(1, 40, int(rng.integers(2, 5))).tolist()
    layers, weights, biases, scale = [], [], [], rng.random() ** 2
    entering = type(19)
    for inputs, outputs in pairwise(sizes):
        weight, bias = type(17), type(16) if rng.random() < 0.5 else None
        stage, output = type(17), type(17)
        curve = drawn_curve(rng, stage.format, output)
        layers.append(Layer(inputs, outputs, entering, weight, bias, stage, curve))
        weights.append(codes(weight.format, (outputs, inputs), scale))
        biases.append(codes(bias.format, outputs, scale) if bias else None)
        entering = output
    batch = codes(layers[0].input.format, (int(rng.integers(1, 120)), sizes[0]), rng.random())
    return Design(Shape(tuple(layers)), Weights(weights, biases)), batch


def drawn_curve(rng, input, output):
    """Return PLAN, or a curve of drawn segments where PLAN has no codes or is not drawn."""
    if rng.random() < 0.5:
        try:
            return make_curve("plan", input, output)
        except BittrueError as refused:
            assert str(refused)
    slope, intercept = Format(True, 6, 3), Format(True, 9, 4)
    inner = rng.integers(input.min_code, input.max_code + 1, 4).tolist()
    rows = [
        Segment(start, int(rng.integers(-32, 32)), int(rng.integers(-256, 256)))
        for start in sorted({input.min_code, *inner})
    ]
    return Curve("drawn", input, output, slope, intercept, tuple(rows))


def check_engines(seed):
    """Hold every proven engine's codes and stages of a drawn network against plain int64."""
    try:
        design, codes = drawn_network(seed)
    except BittrueError as refused:
        assert "63 bits" in str(refused), refused
        return
    plain = FixedNetwork(design, engine="int64")
    expected, stages = plain.predict(codes), plain.trace(codes)
    for engine in ("auto", *ENGINES[:3]):
        network = FixedNetwork(design, engine=engine)
        try:
            network.engines(codes)
        except BittrueError as unproven:
            assert engine != "auto", unproven
            continue
        assert (network.predict(codes) == expected).all(), engine
        for one, other in zip(network.trace(codes), stages, strict=True):
            for actual, wanted in zip(one, other, strict=True):
                assert np.array_equal(actual, wanted), engine
