"""The estimator: its error on synthesis runs that were not fitted, exact cycles, refusals."""

import statistics
import sys
import time
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from designs import drawn_design

from bittrue.flow.estimate import COUNTED, FITTED, costs_of, estimate, of_parts
from bittrue.flow.estimate_layer import parts_of
from bittrue.flow.estimate_memory import add_memory
from bittrue.flow.estimate_parts import Parts
from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import FixedType, Format
from bittrue.model.golden import GoldenNetwork
from bittrue.model.learner import learning
from bittrue.model.quantize import quantize
from bittrue.sim.whole import verify_whole

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def stored():
    """Return the stored runs, and the module that reads them."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import estimator_set
    finally:
        sys.path.remove(str(BENCHMARKS))
    return estimator_set, estimator_set.read_runs()


def test_error_on_what_was_not_fitted(stored):
    module, runs = stored
    held_out = [run for run in runs if run.recipe.part == module.HELD_OUT]
    assert len(held_out) >= 60
    found = [of_parts(parts_of(run.recipe.machine()), costs_of("ecp5")) for run in held_out]

    def error(kind):
        pairs = [(e[kind], r.figures[kind]) for e, r in zip(found, held_out, strict=True)]
        return 100 * np.mean([2 * abs(a - b) / max(a + b, 1) for a, b in pairs])

    assert error("lut") <= 10
    assert error("ff") <= 10
    for kind in COUNTED:
        assert error(kind) <= 10


def test_neither_shapes_nor_widths_are_in_both_parts(stored):
    module, runs = stored
    parts = [[run.recipe for run in runs if run.recipe.part == part] for part in module.WIDTHS]
    for what in (
        lambda recipe: {recipe.sizes},
        lambda recipe: {recipe.width, recipe.weight_width},
    ):
        fitted, held_out = (set().union(*map(what, part)) for part in parts)
        assert not fitted & held_out


def test_stored_networks_are_those_that_are_drawn(stored):
    module, runs = stored
    for part in module.WIDTHS:
        recipes = [run.recipe for run in runs if run.recipe.part == part]
        assert recipes[:5] == list(islice(module.drawn(part), 5))


@pytest.mark.parametrize("seed", range(4))
def test_cycles_are_those_of_a_simulation(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 9, 3).tolist()
    golden = GoldenNetwork(*sizes, 0.1, rng=seed, biases=bool(seed % 2))
    design = quantize(golden, format="fxp-s8/4", curve=("plan", "fit")[seed // 2])
    inputs = rng.random((5, sizes[0]))
    labels = golden.predict(inputs).argmax(axis=1)
    lanes = {name: rng.integers(1, 5, 2).tolist() for name in ("pe", "simd")}
    result = verify_whole(design, golden, inputs, labels, engine="amaranth", jobs=1, **lanes)
    found = estimate(result.machine)
    assert (found.latency, found.interval) == (
        result.timing.latency,
        result.timing.initiation_interval,
    )


def test_it_takes_milliseconds():
    design = drawn_design(0, (64, 32, 10), "fxp-s16/12", curve="fit")
    seconds = []
    for pe in range(1, 8):
        machine = Machine(design.shape, pe)
        start = time.perf_counter()
        estimate(machine)
        seconds.append(time.perf_counter() - start)
    assert statistics.median(seconds) < 0.05


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ({"pe": 4}, {"pe": 2}),
        ({"simd": 4}, {"simd": 2}),
        ({"counters": "full"}, {"counters": "overflow"}),
        ({"counters": "overflow"}, {}),
    ],
)
def test_more_hardware_takes_more(more, less):
    shape = drawn_design(0, (8, 8, 4), "fxp-s10/6", curve="fit").shape
    large, small = (estimate(Machine(shape, **options)) for options in (more, less))
    assert large.lut > small.lut
    assert large.ff > small.ff
    assert large.fmax <= small.fmax


def test_wider_words_take_more():
    found = [
        estimate(Machine(drawn_design(0, (8, 4), f"fxp-s{width}/4").shape, 2))
        for width in (8, 12, 17, 24)
    ]
    for narrow, wide in pairwise(found):
        assert (narrow.lut, narrow.ff, narrow.carry) < (wide.lut, wide.ff, wide.carry)
    assert [one.dsp for one in found] == [2, 2, 2, 8]


@pytest.mark.parametrize(
    ("words", "lanes", "bits", "expected"),
    [
        (1, 2, 8, {"single word ff": 16}),
        (16, 2, 8, {"lutram": 16}),
        (64, 1, 16, {"lutram": 64}),
        (100, 1, 16, {"bram": 1}),
        (64, 3, 6, {"bram": 1}),
        (48, 3, 6, {"lutram": 72}),
        (64, 4, 10, {"bram": 2}),
        (600, 4, 12, {"bram": 4}),
    ],
)
def test_memories_as_they_are_mapped(words, lanes, bits, expected):
    """What Yosys 0.70 makes of memories alone."""
    parts = Parts()
    add_memory(parts, words, lanes, bits, masked=True)
    kinds = ("lutram", "bram", "single word ff")
    assert {name: parts[name] for name in kinds if parts[name]} == expected


@pytest.mark.parametrize(
    ("a", "b", "dsp", "gated"),
    [
        ("fxp-s18/0", "fxp-u18/0", 1, 0),
        ("fxp-s19/0", "fxp-s19/0", 1, 37),
        ("fxp-s19/0", "fxp-u19/0", 2, 20),
        ("fxp-s12/0", "fxp-u19/0", 2, 0),
        ("fxp-u11/0", "fxp-u19/0", 1, 11),
        ("fxp-s24/0", "fxp-s24/0", 4, 0),
    ],
)
def test_products_as_they_are_mapped(a, b, dsp, gated):
    """What Yosys 0.70 makes of products alone."""
    parts = Parts()
    parts.multiplier("product", Format.parse(a), Format.parse(b), 1)
    assert (parts["dsp"], parts["product gated"]) == (dsp, gated)


def test_unobserved_wrapping_needs_no_high_bits():
    type = FixedType.parse("fxp-s10/6,TRN,WRAP")
    parts = Parts()
    parts.requantizer("requantize", Format(True, 28, 20), type, set(), 1)
    assert dict(parts) == {"requantize ff": 20}
    parts.requantizer("requantize", Format(True, 28, 20), type, {"overflowed"}, 1)
    assert parts["bits above"] == 6


@pytest.mark.parametrize("target", ["xilinx", "ice40"])
def test_other_families_must_be_synthesised(target):
    machine = Machine(drawn_design(0, (3, 3)).shape)
    message = rf"^the target of an estimate must be one of ecp5, got '{target}', which must be synt"
    with pytest.raises(BittrueError, match=message):
        estimate(machine, target)


def test_an_unknown_family_is_refused():
    machine = Machine(drawn_design(0, (3, 3)).shape)
    with pytest.raises(BittrueError, match=r"^the target must be one of ecp5, .*, got 'gowin'$"):
        estimate(machine, "gowin")


def test_machines_that_learn_are_refused():
    machine = Machine(learning(drawn_design(0, (3, 3)), 0.25).shape, trainer=True)
    message = r"^an estimate must be of a machine without a trainer, got one with it$"
    with pytest.raises(BittrueError, match=message):
        estimate(machine)


def test_every_part_is_fitted_or_counted():
    shape = drawn_design(0, (9, 6, 5), "fxp-s19/12", bias=True, curve="fit").shape
    parts = parts_of(Machine(shape, 2, 3, counters="full", trace=True))
    costs = costs_of("ecp5")
    known = {name for kind in FITTED for name in costs[kind]} | {*COUNTED, "longest adder"}
    assert not set(parts) - known
