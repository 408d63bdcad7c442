"""Sweeps: figures, failures, going on, what is shown, and what is refused."""

import csv
import json
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
import typer

from bittrue.flow.coordinator import Coordinator, cluster
from bittrue.flow.data import load, split
from bittrue.flow.points import Bench, Task, measure
from bittrue.flow.search import generations
from bittrue.flow.space import space_of
from bittrue.flow.store import Store
from bittrue.flow.sweep import sweep
from bittrue.hdl import timing
from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError, ToolMissing
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import encode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.quantize import quantize
from bittrue.model.ranges import choose_config


def run(*words):
    app = typer.Typer()
    app.command()(sweep)
    app([*words], standalone_mode=False)


@pytest.fixture(scope="module")
def task():
    golden = GoldenNetwork(64, [12], 10, 0.2, 1, biases=True)
    return Task.of(golden, "digits", load("digits"), 400, "1")


def space(**parts):
    axes = parts.pop("space", {"width": [4, 6, 8], "curve": ["plan", "fit"], "segments": [2, 4]})
    return space_of({"network": {"data": "digits", "layers": [64, 10]}, "space": axes, **parts})


def coordinated(task, store, wanted, **options):
    with Store(store) as rows, ThreadPoolExecutor(1) as executor:
        work = Coordinator(rows, task, executor, 1, **options)
        return work.run(generations(wanted)), work.computed


def test_figures_are_those_of_the_models(task):
    point = {"width": 8, "curve": "plan", "pe": [4, 2], "simd": 2}
    row = Bench(task).row(point)
    golden, (training, test) = Bench(task).golden, split(load("digits"), 400)
    config = choose_config(golden, 8, inputs=training.inputs, curve="plan")
    design = quantize(golden, config)
    type = design.shape.input
    inputs = encode(test.inputs, type.format, type.rounding, type.overflow)
    codes = FixedNetwork(design).predict(inputs)
    right = np.mean(codes.argmax(axis=1) == test.labels)
    agreeing = np.mean(codes.argmax(axis=1) == golden.predict(test.inputs).argmax(axis=1))
    machine = Machine(design.shape, pe=(4, 2), simd=2)
    assert row.design == design.digest
    assert row.reason is None
    assert (row.figures["accuracy"], row.figures["agreement"]) == (right, agreeing)
    assert row.figures["bits"] == 8 * (64 * 12 + 12 + 12 * 10 + 10)
    assert row.figures["width"] == 8
    assert row.figures["latency"] == timing.network(machine)
    assert row.figures["interval"] == machine.initiation_interval == 96


def test_each_role_and_layer_has_its_own_width(task):
    design = Bench(task).design(
        {"width": [9, 8], "weight_width": [5, 4], "bias_width": 6, "input_width": 3, "curve": "fit"}
    )
    first, second = design.shape.layers
    assert design.shape.input.format.width == 3
    assert (first.weight.format.width, second.weight.format.width) == (5, 4)
    assert first.bias.format.width == second.bias.format.width == 6
    assert (first.preactivation.format.width, second.preactivation.format.width) == (9, 8)
    assert (first.output.format.width, second.output.format.width) == (9, 8)


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ({"format": "fxp-s8/7"}, "too coarse for plan"),
        ({"width": [8, 8, 8]}, "width must be one value or 2, one a layer, got 3"),
        ({"width": 8, "pe": [1, 2, 3]}, "pe must be given for 2 layers, got 3"),
        ({"width": 8, "weight_type": "fxp-s8/12"}, "weights of layer 0 must be"),
        ({"format": "s8.7"}, "s8.7"),
    ],
)
def test_a_failed_point_is_a_row_with_its_reason(task, point, reason):
    (row,) = measure(task, [point])
    assert reason in row.reason
    assert (row.design, row.figures) == (None, {})


def test_keys_are_of_choices_weights_data_and_version(task):
    others = [
        Task.of(GoldenNetwork(64, [12], 10, 0.2, 2), "digits", load("digits"), 400, "1"),
        Task.of(Bench(task).golden, "digits", load("digits"), 401, "1"),
        Task.of(Bench(task).golden, "digits", load("digits"), 400, "2"),
    ]
    keys = {one.key({"width": 8}) for one in (task, *others)} | {task.key({"width": 7})}
    assert len(keys) == 5
    assert task.key({"width": 8, "pe": 1}) == task.key({"pe": 1, "width": 8})


def test_a_limit_stops_and_the_next_run_goes_on(task, tmp_path):
    store = tmp_path / "rows.sqlite"
    rows, computed = coordinated(task, store, space(), limit=5)
    assert len(rows) == computed == 5
    rows, computed = coordinated(task, store, space())
    assert (len(rows), computed) == (9, 4)
    again, computed = coordinated(task, store, space())
    assert computed == 0
    assert sorted(again) == sorted(rows)


def test_a_search_asks_for_the_same_points_again(task, tmp_path):
    wanted = space(
        space={"width": [4, 5, 6, 7, 8], "weight_width": [4, 5, 6, 7, 8]},
        search={"method": "nsga2", "points": 24, "population": 8},
        objectives=["sqnr", "bits"],
    )
    rows, computed = coordinated(task, tmp_path / "a.sqlite", wanted)
    assert len(rows) == computed > 8
    coordinated(task, tmp_path / "b.sqlite", wanted, limit=10)
    others, _ = coordinated(task, tmp_path / "b.sqlite", wanted)
    assert sorted(others) == sorted(rows)


def test_without_optuna_it_says_what_to_install(task, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ToolMissing, match=r"^the search nsga2 must have optuna, got none"):
        coordinated(task, tmp_path / "a.sqlite", space(search={"method": "nsga2"}))


class Dying:
    """An executor whose second batch loses its worker."""

    def __init__(self):
        self.sent = 0

    def submit(self, function, *arguments):
        self.sent += 1
        future = Future()
        if self.sent == 1:
            future.set_result(function(*arguments))
        else:
            future.set_exception(BrokenProcessPool("gone"))
        return future


def test_lost_workers_lose_no_rows(task, tmp_path):
    with (
        Store(tmp_path / "a.sqlite") as store,
        pytest.raises(BittrueError, match=r"^workers must return .* the same command goes on$"),
    ):
        Coordinator(store, task, Dying(), 1).run(generations(space()))
    rows, computed = coordinated(task, tmp_path / "a.sqlite", space())
    assert (len(rows), computed) in ((9, 9), (9, 5))


def test_the_command_shows_front_and_choice(sweep_folder, capsys):
    with (sweep_folder / "space.toml").open("a") as file:
        file.write('[constraints]\nwidth = "<= 8"\n')
    run("space.toml", "--jobs", "2", "--csv", "rows.csv")
    shown = capsys.readouterr()
    assert "Pareto front of accuracy, bits, latency" in shown.out
    assert "18 points of 18" in shown.out
    assert "width <= 8, smallest bits: width 4, curve fit" in shown.out
    assert "bittrue: wrote rows.csv" in shown.err
    with (sweep_folder / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 18
    assert sum(bool(row["reason"]) for row in rows) == 4
    run("space.toml", "--jobs", "1", "--json")
    tree = json.loads(capsys.readouterr().out)
    assert (tree["points"], tree["computed"], tree["failed"]) == (18, 0, 4)
    assert tree["chosen"]["config"]["width"] == 4
    assert tree["designs"] == len({row["design"] for row in rows if row["design"]})


def test_what_cannot_be_met_is_said_below_the_front(sweep_folder, capsys):
    with (sweep_folder / "space.toml").open("a") as file:
        file.write('[constraints]\nbits = "<= 100"\n')
    with pytest.raises(
        BittrueError, match=r"^a point must meet bits <= 100, got none among 14; .* bits 2560$"
    ):
        run("space.toml", "--jobs", "1")
    assert "Pareto front" in capsys.readouterr().out
    run("space.toml", "--jobs", "1", "--limit", "0", "--store", "empty.sqlite")
    assert "0 points of 18" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.toml"], r"^a space must be readable text, got "),
        (["space.toml", "--store", "no/a.sqlite"], r"^--store must lie in a folder that can be "),
        (["space.toml", "--store", "space.toml"], r"^space.toml must be a store of sweeps, got "),
        (
            ["space.toml", "--jobs", "1", "--cluster", "tcp://127.0.0.1:9"],
            r"^a sweep must have either jobs or a cluster, got 1 and tcp://127.0.0.1:9$",
        ),
    ],
)
def test_what_the_command_refuses(sweep_folder, words, message):
    with pytest.raises(BittrueError, match=message):
        run(*words)


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ToolMissing, match=r"^a cluster must be spoken to with Dask, got none"):
        cluster("tcp://127.0.0.1:9").__enter__()
