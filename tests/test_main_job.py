"""The main job over formats, curves, foldings and seeds; and with spoilt hardware."""

from itertools import product

import numpy as np
import pytest

from bittrue.hdl.machine import Machine
from bittrue.model.curves import Segment
from bittrue.model.design import Shape
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import encode
from bittrue.model.quantize import quantize
from bittrue.sim.compare import Comparison, compare
from bittrue.sim.engines import simulate
from bittrue.sim.record import Session
from bittrue.sim.targets import targets_of
from bittrue.sim.testbench import query_inputs, train_333, verify
from bittrue.sim.vectors import directed_sessions

FORMATS = ("fxp-s8/4", "fxp-s12/8", "fxp-s16/12", "fxp-s18/14")
CURVES = (("plan", None), ("fit", 8), ("fit", 16), ("fit", 32), ("step", None))
LANES = tuple(product((1, 2, 3), repeat=2))
MATRIX = list(product(FORMATS, CURVES, LANES))
SEEDS = range(20)
DRAWN = sorted(np.random.default_rng(333).choice(len(MATRIX), 9, replace=False).tolist())


def differing(format, curve, lanes, seeds):
    """Build one machine, and compare the queries of each seed and the directed vectors."""
    name, segments = curve
    designs = [quantize(train_333(s), format=format, curve=name, segments=segments) for s in seeds]
    sessions = []
    for seed, design in zip(seeds, designs, strict=True):
        type = design.shape.input
        codes = encode(query_inputs(seed, 10), type.format, type.rounding, type.overflow)
        sessions.append(Session(design.weights, codes))
    sessions += directed_sessions(designs[0])
    machine = Machine(designs[0].shape, *lanes, counters="full", trace=True)
    stalls = np.random.default_rng(MATRIX.index((format, curve, lanes))).uniform(0.0, 0.7)
    runs = simulate(machine, sessions, stalls=stalls, seed=len(seeds))
    verdicts = [
        compare(designs[0], session, run, number=number)
        for number, (session, run) in enumerate(zip(sessions, runs, strict=True))
    ]
    return sum(verdicts, Comparison())


@pytest.mark.parametrize(("format", "curve", "lanes"), [MATRIX[n] for n in DRAWN])
def test_every_word_is_equal(format, curve, lanes):
    verdict = differing(format, curve, lanes, range(2))
    assert (verdict.differing, verdict.first) == (0, None)
    assert verdict.compared > 500


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("format", "curve", "lanes"), MATRIX)
def test_every_word_is_equal_everywhere(format, curve, lanes):
    verdict = differing(format, curve, lanes, SEEDS)
    assert (verdict.differing, verdict.first) == (0, None)
    assert verdict.compared > 20 * 10 * 18


DESIGN = quantize(train_333(1), format="fxp-s16/12")
TABLE = DESIGN.shape.layers[0].curve


def spoilt(layer, number, field, change):
    """Return the shape with one number of one layer's table changed by one LSB."""
    row = TABLE.segments[number]
    changed = row._replace(**{field: getattr(row, field) + change})
    layers = list(DESIGN.shape.layers)
    old = layers[layer]
    curve = TABLE.with_segment(number, changed)
    layers[layer] = type(old)(
        old.inputs, old.outputs, old.input, old.weight, old.bias, old.preactivation, curve
    )
    return Shape(tuple(layers))


@pytest.mark.parametrize("change", [1, -1])
@pytest.mark.parametrize("field", Segment._fields)
@pytest.mark.parametrize("number", range(len(TABLE.segments)))
def test_one_lsb_in_the_table_is_found_or_alters_no_code(number, field, change):
    layer = (number + change) % 2
    try:
        hardware = spoilt(layer, number, field, change)
    except BittrueError:
        mutants = targets_of(TABLE).mutants
        assert any(
            (m.segment, m.field, m.change, m.curve) == (number, field, change, None)
            for m in mutants
        )
        return
    codes = TABLE.input.codes()
    before = TABLE.evaluate_flagged(codes)
    after = hardware.layers[layer].curve.evaluate_flagged(codes)
    alters_codes, *alters_losses = (
        bool((a != b).any()) for a, b in zip(before, after, strict=True)
    )
    result = verify(DESIGN, None, seed=1, queries=1, hardware=hardware)
    first = result.first_divergence
    if alters_codes:
        assert (first.kind, first.layer, first.stage) == ("mismatch", layer, "output")
        assert first.expected != first.actual
    elif any(alters_losses):
        assert (first.kind, first.layer) == ("counter", layer)
    else:
        assert result.passed


def test_the_directed_vectors_visit_all_there_is():
    result = verify(DESIGN, train_333(1), seed=1, queries=2)
    assert result.passed
    assert {name: count for name, count in result.coverage.items() if count[0] != count[1]} == {}


def test_ten_random_queries_alone_would_miss_the_last_segment():
    type = DESIGN.shape.input
    codes = encode(query_inputs(1, 10), type.format, type.rounding, type.overflow)
    machine = Machine(spoilt(0, 3, "start", -1), counters="full", trace=True)
    session = Session(DESIGN.weights, codes)
    assert compare(DESIGN, session, simulate(machine, [session])[0]).differing == 0
