import numpy as np
import pytest
from designs import drawn_design

from bittrue.hdl.machine import Machine
from bittrue.model import lfsr
from bittrue.model.design import Weights
from bittrue.model.exceptions import BittrueError
from bittrue.model.learner import Learner, learning
from bittrue.model.modes import Rounding
from bittrue.sim.lessons import Lesson, compare_lessons, expect, teach
from bittrue.sim.stimulus import (
    beat_width,
    lesson_beats,
    load_requests,
    read_requests,
    weights_read,
)

DESIGN = learning(drawn_design(1, (3, 2, 3), bias=True), 0.25)
MACHINE = Machine(DESIGN.shape, 2, trainer=True)
LESSONS = [
    Lesson(np.array([[1, 2, 3], [4, 5, 6]]), np.array([[7, 8, 9], [1, 2, 3]]), np.array([1, 0])),
    Lesson.step([1, -2, 3], [0, 16, 0]),
]


def changed(learned, lesson, *, outputs=None, weights=None, biases=None, state=None):
    """Return what was learned with one word, given by its place, raised by one."""
    learned = list(learned)
    one = learned[lesson]
    arrays = [array.copy() for array in one.weights.weights]
    offsets = [array.copy() for array in one.weights.biases]
    shown = one.outputs.copy()
    if outputs is not None:
        shown[outputs] += 1
    if weights is not None:
        arrays[weights[0]][weights[1:]] += 1
    if biases is not None:
        offsets[biases[0]][biases[1]] += 1
    found = Weights(arrays, offsets, one.weights.state if state is None else state)
    learned[lesson] = one._replace(outputs=shown, weights=found)
    return learned


def test_the_model_steps_and_answers():
    learned = expect(DESIGN, LESSONS)
    learner = Learner(DESIGN)
    first = learner.step([1, 2, 3], [7, 8, 9])[-1].output
    assert learned[0].outputs.tolist() == [first.tolist(), learner.outputs([4, 5, 6]).tolist()]
    assert learned[0].weights == learner.design.weights


def test_what_is_equal_is_compared_word_by_word():
    learned = expect(DESIGN, LESSONS)
    verdict = compare_lessons(MACHINE, LESSONS, learned, learned)
    assert verdict == (9 + 2 * (12 + 5 + 1), 0, None)


@pytest.mark.parametrize(
    ("lesson", "change", "where"),
    [
        (0, {"outputs": (1, 2)}, "step 1, output of sample 1 of the lesson, neuron 2: expected 0x"),
        (1, {"outputs": (0, 0)}, "step 2, output of sample 0 of the lesson, neuron 0: expected 0x"),
        (0, {"weights": (0, 1, 2)}, "step 1, weight of layer 0, neuron 1, input 2: expected 0x"),
        (1, {"weights": (1, 2, 0)}, "step 2, weight of layer 1, neuron 2, input 0: expected 0x"),
        (1, {"biases": (1, 2)}, "step 2, bias of layer 1, neuron 2: expected 0x"),
    ],
)
def test_one_word_off_is_named(lesson, change, where):
    learned = expect(DESIGN, LESSONS)
    verdict = compare_lessons(MACHINE, LESSONS, learned, changed(learned, lesson, **change))
    assert verdict.differing == 1
    assert str(verdict.first).startswith(where)
    assert verdict.first.actual == verdict.first.expected + 1


def test_the_register_is_compared_too():
    learned = expect(DESIGN, LESSONS)
    state = learned[1].weights.state
    verdict = compare_lessons(MACHINE, LESSONS, learned, changed(learned, 1, state=state ^ 1))
    assert str(verdict.first) == (
        f"step 2, the shift register: expected 0x{state:04x}, actual 0x{state ^ 1:04x}"
    )


def test_weights_are_read_in_the_order_in_which_they_are_asked_for():
    weights = DESIGN.weights
    loads, reads = load_requests(MACHINE, weights, None), read_requests(MACHINE, weights)
    assert loads.shape == reads.shape
    assert len(reads) == 12 + 5 + 1
    bits = []
    for array, biases in zip(weights.weights, weights.biases, strict=True):
        bits += [*array.ravel().tolist(), *biases.tolist()]
    # answers are as wide as the register, and codes extended to that
    answers = np.array([bit & 0xFFFF for bit in bits] + [77])
    found = weights_read(MACHINE, weights, answers)
    assert found == Weights(weights.weights, weights.biases, 77)


def test_beats_carry_targets_by_folds_of_the_last_layer():
    lesson = LESSONS[0]
    beats = lesson_beats(MACHINE, lesson.codes, lesson.targets, lesson.train)
    # three lanes of inputs, one a beat; targets 7, 8 in the first beat, and 9 in the second
    assert beat_width(MACHINE) == 8 + 1 + 1 + 2 * 8
    assert beats[:, 0].tolist() == [
        1 | 1 << 9 | 7 << 10 | 8 << 18,
        2 | 1 << 9 | 9 << 10,
        3 | 1 << 8 | 1 << 9,
        4 | 1 << 10 | 2 << 18,
        5 | 3 << 10,
        6 | 1 << 8,
    ]


def test_amaranth_shows_what_the_model_expects():
    actual = teach(MACHINE, DESIGN.weights, LESSONS)
    verdict = compare_lessons(MACHINE, LESSONS, expect(DESIGN, LESSONS), actual)
    assert (verdict.compared, verdict.differing) == (45, 0)
    assert actual[0].weights.state == lfsr.drawn(lfsr.SEED, 5)[1]


def test_a_machine_that_rounds_by_a_mode_has_no_register():
    shape = learning(drawn_design(1, (2, 2)), 0.25, rounding=Rounding.RND).shape
    machine = Machine(shape, trainer=True)
    weights = Weights([np.zeros((2, 2), int)])
    assert len(load_requests(machine, weights, None)) == 4
    assert weights_read(machine, weights, np.arange(4)).state is None


@pytest.mark.parametrize(
    ("machine", "options", "message"),
    [
        (Machine(DESIGN.shape), {}, r"^a machine that is taught must have a trainer, got one wit"),
        (
            MACHINE,
            {"engine": "icarus"},
            r"^engine must be one of amaranth, cxxrtl, verilator, got 'icarus'$",
        ),
    ],
)
def test_what_cannot_be_taught(machine, options, message):
    with pytest.raises(BittrueError, match=message):
        teach(machine, DESIGN.weights, LESSONS, **options)


def test_a_standstill_is_told(monkeypatch):
    monkeypatch.setattr("bittrue.sim.lesson_bench.idle_limit", lambda *_: 5)
    with pytest.raises(BittrueError, match=r"^a lesson must end, got a standstill at cycle \d+$"):
        teach(MACHINE, DESIGN.weights, LESSONS)
