"""Fronts and choices, against their definition on drawn rows."""

import numpy as np
import pytest

from bittrue.flow.pareto import choice, front
from bittrue.flow.space import space_of
from bittrue.flow.store import Row
from bittrue.model.exceptions import BittrueError


def row(key, reason=None, **figures):
    return Row(key, {}, "", "", "", None if reason else key, reason, figures)


def space(**parts):
    network = {"data": "digits", "layers": [64, 10]}
    return space_of({"network": network, "space": {"width": 8}, **parts})


@pytest.mark.parametrize("seed", range(5))
def test_a_front_is_what_nothing_beats(seed):
    rng = np.random.default_rng(seed)
    rows = [
        row(f"{n:03}", accuracy=int(a), bits=int(b), latency=int(c))
        for n, (a, b, c) in enumerate(rng.integers(0, 8, (80, 3)))
    ]
    names = ("accuracy", "bits", "latency")

    def costs(one):
        return np.array([-one.figures["accuracy"], one.figures["bits"], one.figures["latency"]])

    unbeaten = {
        tuple(costs(one))
        for one in rows
        if not any((costs(o) <= costs(one)).all() and (costs(o) != costs(one)).any() for o in rows)
    }
    found = front(rows, names)
    assert {tuple(costs(one)) for one in found} == unbeaten
    assert len(found) == len(unbeaten)
    assert front(rows[::-1], names) == found


def test_failed_rows_are_passed_over():
    assert front([row("a", "too coarse")], ["bits"]) == []
    with pytest.raises(BittrueError, match=r"^a sweep must have at least one point that succeeds"):
        choice([row("a", "too coarse")], space())


def test_the_choice_meets_all_bounds_and_is_smallest():
    rows = [
        row("a", accuracy=0.97, bits=90, latency=9),
        row("b", accuracy=0.96, bits=80, latency=9),
        row("c", accuracy=0.96, bits=80, latency=8),
        row("d", accuracy=0.95, bits=10, latency=9),
    ]
    assert choice(rows, space(constraints={"accuracy": ">= 0.96"})).key == "c"
    assert choice(rows, space(choose="accuracy")).key == "a"
    with pytest.raises(
        BittrueError,
        match=r"^a point must meet accuracy >= 0.99, bits <= 50, got none among 4; "
        r"taken one by one they reach accuracy 0.97, bits 10$",
    ):
        choice(rows, space(constraints={"accuracy": ">= 0.99", "bits": "<= 50"}))
