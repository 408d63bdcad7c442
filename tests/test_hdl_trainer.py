from dataclasses import replace

import numpy as np
import pytest
from designs import Bench, drawn_design, drawn_session
from planted import OffAtStep57

from bittrue.flow import data
from bittrue.hdl import timing
from bittrue.hdl.machine import Machine
from bittrue.hdl.netlist import to_verilog
from bittrue.hdl.network import Network
from bittrue.hdl.trainer import target_lanes
from bittrue.model.config import Config
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Overflow, Rounding, encode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.learner import learning
from bittrue.model.learning import STOCHASTIC
from bittrue.model.quantize import quantize
from bittrue.model.types import FixedType
from bittrue.sim.engines import simulate
from bittrue.sim.lesson_bench import LessonBench
from bittrue.sim.lessons import Lesson, compare_lessons, expect, teach
from bittrue.sim.stimulus import Stimulus, lesson_beats, load_requests, read_requests

pytest_plugins = ["builds"]
pytestmark = pytest.mark.usefixtures("builds")

ROUNDINGS = [Rounding.TRN, Rounding.RND, Rounding.RND_CONV, STOCHASTIC]
WIDTHS = [8, 10, 12, 16]
COMPILED = pytest.mark.needs("c++")


def taught(seed, sizes, format="fxp-s8/4", rate=0.25, *, rule="book", rounding=STOCHASTIC, **rest):
    options = {n: rest.pop(n) for n in ("error_type", "delta_type") if n in rest}
    return learning(
        drawn_design(seed, sizes, format, **rest), rate, rule=rule, rounding=rounding, **options
    )


def drawn_lessons(seed, design, count, *, longest=4, train=0.5):
    """Return lessons of several samples, some of which are queries."""
    rng, shape = np.random.default_rng(seed), design.shape

    def codes(format, rows, columns):
        return rng.integers(format.min_code, format.max_code + 1, (rows, columns))

    return [
        Lesson(
            codes(shape.input.format, size, shape.sizes[0]),
            codes(shape.output.format, size, shape.sizes[-1]),
            (rng.random(size) < train).astype(np.int64),
        )
        for size in rng.integers(1, longest + 1, count).tolist()
    ]


def check(design, machine, lessons, **options):
    """Hold every output, weight and the register behind each lesson against the model."""
    expected = expect(design, lessons)
    actual = teach(machine, design.weights, lessons, **options)
    verdict = compare_lessons(machine, lessons, expected, actual)
    assert str(verdict.first) == "None"
    assert verdict.differing == 0
    assert any(one.weights != design.weights for one in expected)
    words = sum(array.size for array in design.weights.weights)
    words += sum(0 if array is None else array.size for array in design.weights.biases)
    words += design.shape.learning.rounding == STOCHASTIC
    outputs = sum(len(lesson.codes) for lesson in lessons) * design.shape.sizes[-1]
    assert verdict.compared == len(lessons) * words + outputs


FOLDINGS = [
    ((3, 3, 3), 1, 1, {}),
    ((3, 3, 3), 3, 3, {"bias": True, "rule": "gradient"}),
    ((5, 4, 3), 2, 3, {"rounding": Rounding.TRN, "rate": 0.3}),
    ((1, 7, 1), (3, 1), (1, 5), {"bias": True}),
    ((4, 6, 3), (1, 2), (3, 6), {"rule": "gradient", "rate": 0.3}),
    ((2, 5), 2, 2, {"rounding": Rounding.RND_ZERO}),
    ((3, 2, 4, 2), (2, 3, 1), (1, 2, 3), {"curve": "relu", "bias": True}),
]


@pytest.mark.parametrize(("sizes", "pe", "simd", "options"), FOLDINGS)
def test_any_folding_learns_what_the_model_learns(sizes, pe, simd, options):
    design = taught(1, sizes, "fxp-s7/3", **options)
    machine = Machine(design.shape, pe, simd, trainer=True)
    check(design, machine, drawn_lessons(2, design, 3), stalls=0.3, seed=3)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(12))
def test_drawn_networks_learn_what_the_model_learns(seed):
    rng = np.random.default_rng(seed)
    sizes = tuple(rng.integers(1, 8, rng.integers(2, 5)).tolist())
    lanes = rng.integers(1, 5, (2, len(sizes) - 1)).tolist()
    modes = [*Rounding, STOCHASTIC]
    design = taught(
        seed,
        sizes,
        f"fxp-s{rng.integers(6, 13)}/{rng.integers(4, 6)}",
        float(rng.uniform(0.05, 0.9)),
        rule=["book", "gradient"][seed % 2],
        rounding=modes[seed % len(modes)],
        curve=["plan", "plan-tanh", "relu"][seed % 3],
        overflow=list(Overflow)[seed // 3],
        bias=bool(rng.integers(2)),
        error_type=FixedType.parse("fxp-s9/5,TRN,WRAP") if seed % 4 == 1 else None,
        delta_type=FixedType.parse("fxp-s11/8,RND,SAT_SYM") if seed % 4 == 2 else None,
    )
    machine = Machine(design.shape, tuple(lanes[0]), tuple(lanes[1]), trainer=True)
    check(design, machine, drawn_lessons(seed, design, 6), stalls=0.4, seed=seed)


@COMPILED
def test_a_hundred_steps_compiled():
    design = taught(4, (3, 3, 3))
    machine = Machine(design.shape, trainer=True)
    lessons = drawn_lessons(5, design, 100, longest=1, train=1)
    check(design, machine, lessons, engine="cxxrtl", stalls=0.3, seed=6)
    check(design, machine, drawn_lessons(7, design, 40, longest=9), engine="cxxrtl", stalls=0.3)


def bench_design(width, rounding, seed):
    golden = GoldenNetwork(3, 3, 3, 0.3, rng=seed)
    format = f"fxp-s{width}/{width - 4}"
    return learning(quantize(golden, Config.of(format=format)), 0.3, rounding=rounding)


@COMPILED
@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("rounding", ROUNDINGS, ids=str)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_test_bench_equals_the_model_after_every_step(width, rounding):
    """3-3-3, a hundred steps, twenty initialisations, random stalls."""
    machine = Machine(bench_design(width, rounding, 0).shape, trainer=True)
    for seed in range(20):
        design = bench_design(width, rounding, seed)
        assert design.shape == machine.shape
        rng, one = np.random.default_rng(seed), 1 << width - 4
        lessons = [
            Lesson.step(rng.integers(0, one + 1, 3).tolist(), rng.integers(0, one + 1, 3).tolist())
            for _ in range(100)
        ]
        expected = expect(design, lessons)
        stalls = [0.0, 0.2, 0.5][seed % 3]
        actual = teach(machine, design.weights, lessons, engine="cxxrtl", stalls=stalls, seed=seed)
        verdict = compare_lessons(machine, lessons, expected, actual)
        assert str(verdict.first) == "None"
        assert verdict.compared == 100 * (18 + 3 + (rounding == STOCHASTIC))


@COMPILED
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_an_epoch_of_digits():
    """64-32-10, twelve bits: 1,347 steps, then every weight."""
    digits = data.load("digits")
    design = learning(
        quantize(GoldenNetwork(64, 32, 10, 0.3, rng=1), Config.of(format="fxp-s12/8")), 0.125
    )
    machine = Machine(design.shape, trainer=True)
    modes = (Rounding.RND_CONV, Overflow.SAT)
    labels = digits.labels[:1347]
    wanted = np.where(labels[:, None] == np.arange(10), 0.99, 0.01)
    lesson = Lesson(
        encode(digits.inputs[:1347], design.shape.input.format, *modes),
        encode(wanted, design.shape.output.format, *modes),
        np.ones(1347, dtype=np.int64),
    )
    check(design, machine, [lesson], engine="cxxrtl")


@pytest.mark.parametrize(
    ("sizes", "pe", "simd", "rate"),
    [((3, 3, 3), 3, 1, 0.25), ((3, 3, 3), 1, 1, 0.3), ((4, 6, 3), (1, 2), (3, 6), 0.25)],
)
def test_a_step_takes_as_long_as_it_says(sizes, pe, simd, rate):
    design = taught(1, sizes, "fxp-s7/3", rate)
    machine = Machine(design.shape, pe, simd, trainer=True)
    lesson = drawn_lessons(2, design, 1, longest=1, train=1)[0]
    codes, targets = (np.repeat(array, 2, axis=0) for array in (lesson.codes, lesson.targets))
    beats = lesson_beats(machine, codes, targets, np.array([1, 0]))
    loads = load_requests(machine, design.weights, None)
    bench = LessonBench(machine, [Stimulus(loads, beats, 2)], 0.0, 0)
    Bench(bench.network).run(bench.drive, background=[bench.sink, bench.monitor])
    cycles = bench.runs[0].accepted[:, 0]
    assert cycles[machine.foldings[0].input_folds] - cycles[0] == timing.step(machine)


def test_the_test_bench_takes_less_than_half_of_the_cycles_of_a_single_multiplier():
    """An unpipelined trainer of one multiplier took 201 cycles."""
    machine = Machine(taught(1, (3, 3, 3), "fxp-s16/12").shape, 3, 1, trainer=True)
    assert timing.step(machine) == 77


@pytest.mark.parametrize("cycles", [1, 40, 56, 65, 73])
def test_a_reset_in_mid_lesson(cycles):
    """What comes after it is learned as if nothing had been, once weights are loaded."""
    design = taught(1, (3, 3, 3), "fxp-s7/3")
    machine = Machine(design.shape, 3, 1, trainer=True)
    lessons = drawn_lessons(2, design, 1, longest=1, train=1)
    beats = lesson_beats(machine, lessons[0].codes, lessons[0].targets, lessons[0].train)
    stimuli = [
        Stimulus(load_requests(machine, design.weights, None), beats, 1),
        Stimulus(read_requests(machine, design.weights), beats[:0], 0),
    ]
    bench = LessonBench(machine, stimuli, 0.0, 0)
    held = Bench(bench.network)

    async def testbench(ctx):
        stream = bench.network.i
        for beat in beats[:, 0].tolist():
            ctx.set(stream.payload.as_value(), beat)
            ctx.set(stream.valid, 1)
            await ctx.tick().until(stream.ready)
        ctx.set(stream.valid, 0)
        await ctx.tick().repeat(cycles)
        ctx.set(held.domain.rst, 1)
        await ctx.tick()
        ctx.set(held.domain.rst, 0)
        await bench.drive(ctx)

    held.run(testbench, background=[bench.sink, bench.monitor])
    expected = expect(design, lessons)[0].weights
    codes = np.concatenate([array.ravel() for array in expected.weights])
    answers = [*(codes & (1 << 16) - 1).tolist(), expected.state]
    found = bench.runs[1].answers
    spare = 1 << 7
    assert [answer % spare for answer in found[:-1]] == [code % spare for code in answers[:-1]]
    assert found[-1] == answers[-1]


def test_without_a_trainer_nothing_is_there():
    plain = drawn_design(1, (3, 2), bias=True)
    shape = learning(plain, 0.25).shape
    before = to_verilog(Network(Machine(plain.shape, 2, 3, "full", trace=True)), "network")
    assert to_verilog(Network(Machine(shape, 2, 3, "full", trace=True)), "network") == before
    assert "train" not in before
    assert "train" in to_verilog(Network(Machine(shape, 2, 3, trainer=True)), "network")
    assert Machine(plain.shape).to_json().keys() == {"shape", "pe", "simd", "counters", "trace"}
    assert Machine(shape).digest != Machine(shape, trainer=True).digest


def test_a_trainer_changes_no_cycle_of_queries():
    design = taught(1, (3, 3, 3), "fxp-s7/3")
    session = drawn_session(2, design, 6)
    runs = [
        simulate(Machine(design.shape, 3, 1, trainer=trainer), [session])[0]
        for trainer in (False, True)
    ]
    assert (runs[0].outputs == runs[1].outputs).all()
    assert (runs[0].accepted == runs[1].accepted).all()


def test_a_machine_must_know_how_to_learn():
    with pytest.raises(BittrueError, match=r"^a machine with a trainer must have a shape that say"):
        Machine(drawn_design(1, (3, 3, 3)).shape, trainer=True)
    with pytest.raises(BittrueError, match=r"^a machine that takes a step must have a trainer, "):
        timing.step(Machine(drawn_design(1, (3, 3, 3)).shape))


@COMPILED
@pytest.mark.long
def test_one_weight_off_by_an_lsb_at_step_57(monkeypatch):
    monkeypatch.setattr("bittrue.hdl.trainer.LayerTrainer", OffAtStep57)
    golden = GoldenNetwork(3, 3, 3, 0.3, rng=0)
    design = learning(quantize(golden, format="fxp-s8/4"), 0.25)
    machine = Machine(design.shape, trainer=True)
    lessons = [Lesson.step([0, 16, 0], [0, 0, 16]) for _ in range(60)]
    expected = expect(design, lessons)
    verdict = compare_lessons(
        machine, lessons, expected, teach(machine, design.weights, lessons, engine="cxxrtl")
    )
    right = int(expected[56].weights.weights[1][2, 1])
    first = verdict.first
    assert (first.step, first.expected, first.actual) == (57, right, right + 1)
    assert str(first) == (
        f"step 57, weight of layer 1, neuron 2, input 1: "
        f"expected 0x{right & 255:02x} ({right / 16:.10g}), "
        f"actual 0x{right + 1 & 255:02x} ({(right + 1) / 16:.10g})"
    )


def test_targets_lie_beside_the_lanes_of_the_last_layer():
    machine = Machine(taught(1, (4, 3, 10)).shape, (1, 4), (3, 1), trainer=True)
    assert target_lanes(machine) == 8


def test_a_rate_that_is_no_power_of_two_costs_cycles():
    design = taught(1, (3, 3, 3))
    other = replace(design.shape, learning=replace(design.shape.learning, rate=3))
    steps = [timing.step(Machine(shape, 3, 1, trainer=True)) for shape in (design.shape, other)]
    assert steps[1] - steps[0] == 2 * (timing.OPERANDS + timing.PRODUCT)
