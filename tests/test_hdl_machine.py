import re

import pytest
from designs import drawn_design

from bittrue.hdl.machine import Folding, Machine
from bittrue.model.exceptions import BittrueError

SHAPE = drawn_design(1, (3, 4, 5)).shape


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pe": 0}, "pe must be an integer of at least 1, got 0"),
        ({"simd": (2, -1)}, "simd must be an integer of at least 1, got -1"),
        ({"pe": True}, "pe must be an integer of at least 1, got True"),
        ({"pe": (1, 2, 3)}, "pe must be given for 2 layers, got 3"),
        ({"counters": "all"}, "counters must be one of none, overflow, full, got 'all'"),
    ],
)
def test_bad_choices(options, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        Machine(SHAPE, **options)


def test_folding():
    folding = Folding(inputs=7, outputs=5, pe=2, simd=3)
    assert (folding.neuron_folds, folding.input_folds) == (3, 3)
    assert folding.initiation_interval == 9
    assert (folding.last_neurons, folding.last_inputs) == (1, 1)


def test_equal_machines_are_equal():
    assert Machine(SHAPE, 2, 3) == Machine(SHAPE, (2, 2), [3, 3])
    assert Machine(SHAPE, 2, 3).digest == Machine(SHAPE, (2, 2), [3, 3]).digest
    digests = {
        Machine(SHAPE, **options).digest
        for options in ({}, {"pe": 2}, {"simd": 2}, {"counters": "full"}, {"trace": True})
    }
    assert len(digests) == 5
