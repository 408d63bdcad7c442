import numpy as np
import pytest

from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import decode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.learner import learning
from bittrue.model.quantize import quantize
from bittrue.sim.side_by_side import teach_side_by_side

RNG = np.random.default_rng(3)
INPUTS, TARGETS = RNG.random((7, 3)), RNG.random((7, 2))
QUERIES = RNG.random((4, 3))


def golden():
    return GoldenNetwork(3, 2, 2, 0.25, rng=1)


def design():
    return learning(quantize(golden(), format="fxp-s8/4"), 0.25)


def side_by_side(**options):
    return teach_side_by_side(golden(), design(), INPUTS, TARGETS, QUERIES, **options)


@pytest.mark.parametrize(("every", "readings"), [(1, 8), (3, 4), (7, 2), (100, 2)])
def test_readings_before_between_and_behind_all_steps(every, readings):
    result = side_by_side(every=every)
    for one in (result.golden, result.fixed):
        assert one.weights.shape == (readings, 10)
        assert (one.outputs.shape, one.answers.shape) == ((7, 2), (4, 2))
    book = golden()
    weights = np.concatenate([array.ravel() for array in book.weights])
    assert (result.golden.weights[0] == weights).all()
    for sample, target in zip(INPUTS, TARGETS, strict=True):
        book.train(sample, target)
    weights = np.concatenate([array.ravel() for array in book.weights])
    assert (result.golden.weights[-1] == weights).all()


def test_the_fixed_model_is_the_one_that_trains_alone():
    result = side_by_side()
    alone = FixedNetwork(design())
    updates = lost = 0
    for sample, target in zip(INPUTS, TARGETS, strict=True):
        for step in alone.train(sample, target):
            updates, lost = updates + step.lost.updates, lost + step.lost.rounded_away
    assert result.learned == alone.design
    assert (result.updates.changed, result.updates.rounded_away) == (updates, lost)
    assert 0 < lost < updates
    codes = [array.ravel() for array in alone.design.weights.weights]
    format = alone.design.shape.layers[0].weight.format
    assert (result.fixed.weights[-1] == decode(np.concatenate(codes), format)).all()
    assert (result.fixed.answers == [alone.query(query) for query in QUERIES]).all()
    assert result.rtl is None and result.comparison is None and result.passed


def test_gates_show_what_the_fixed_model_does():
    told = []
    machine = Machine(design().shape, 2, 1, trainer=True)
    result = side_by_side(machine=machine, every=3, stalls=0.3, told=lambda *one: told.append(one))
    assert result.passed
    assert result.comparison.compared == 4 * (10 + 1) + (7 + 4) * 2
    for name in ("outputs", "weights", "answers"):
        assert (getattr(result.rtl, name) == getattr(result.fixed, name)).all()
    for model in ("fixed", "RTL", "golden"):
        assert (7, 7, model) in told


@pytest.mark.parametrize(
    ("targets", "every", "message"),
    [
        (TARGETS, 0, r"^weights must be read every 1 step or more, got 0$"),
        (TARGETS + 8, 1, r"^targets must be -8 to 7\.9375, the range of fxp-s8/4, got 8\.\d+$"),
    ],
)
def test_what_cannot_be_taught(targets, every, message):
    book = golden()
    before = [array.copy() for array in book.weights]
    with pytest.raises(BittrueError, match=message):
        teach_side_by_side(book, design(), INPUTS, targets, QUERIES, every=every)
    assert all((a == b).all() for a, b in zip(before, book.weights, strict=True))
