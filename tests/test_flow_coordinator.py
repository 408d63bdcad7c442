"""Coordinators in processes of their own: killed, two at once, on a cluster; the same rows."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bittrue.flow.coordinator import cluster
from bittrue.flow.store import Store
from bittrue.model.exceptions import BittrueError

EXAMPLE = Path(__file__).parent.parent / "examples" / "digits.toml"
COMMAND = "import typer; from bittrue.flow.sweep import sweep; typer.run(sweep)"


def started(file, store, *words):
    command = [sys.executable, "-c", COMMAND, str(file), "--store", str(store), *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def widen(file):
    text = file.read_text().replace("[4, 6, 8]", "[4, 5, 6, 7, 8, 9, 10]")
    file.write_text(text.replace("[1, 5]", "[1, 2, 5, 10]"))


def count(store):
    try:
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=30) as db:
            return db.execute("SELECT count(*) FROM rows").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        if "db" in locals():
            db.close()


def killed_at(file, store, least):
    """Run a sweep until it has so many rows, and kill it; return how many it had."""
    process = started(file, store, "--jobs", "2")
    with process:
        while process.poll() is None and count(store) < least:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    return count(store)


def rows_of(store):
    with Store(store) as rows:
        return rows.rows()


def ended(process):
    out, err = process.communicate(timeout=110)
    assert process.returncode == 0, err
    return json.loads(out)


def finished(file, store, *words):
    return ended(started(file, store, "--json", *words))


def test_two_at_once_measure_nothing_twice(sweep_folder):
    widen(sweep_folder / "space.toml")
    pair = [started("space.toml", "a.sqlite", "--jobs", "1", "--json") for _ in range(2)]
    trees = [ended(process) for process in pair]
    assert trees[0]["points"] == trees[1]["points"] == len(rows_of(sweep_folder / "a.sqlite")) == 84
    assert sum(tree["computed"] for tree in trees) == 84


def test_killed_once_it_ends_with_the_same_rows(sweep_folder):
    widen(sweep_folder / "space.toml")
    whole = started("space.toml", "whole.sqlite", "--jobs", "1", "--json")
    had = killed_at("space.toml", sweep_folder / "killed.sqlite", 1)
    assert 1 <= had < 84
    assert finished("space.toml", "killed.sqlite")["computed"] == 84 - had
    ended(whole)
    assert rows_of(sweep_folder / "killed.sqlite") == rows_of(sweep_folder / "whole.sqlite")


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_digits_killed_often_end_with_the_same_rows(sweep_folder):
    whole = finished(EXAMPLE, "whole.sqlite")
    points, had = whole["points"], []
    for share in np.linspace(0.1, 0.82, 10):
        least = max(share * points, *had, 0) + 1
        had.append(killed_at(EXAMPLE, sweep_folder / "killed.sqlite", least))
    # ten kills, each of a sweep that had got on
    assert had == sorted(set(had)) and len(had) == 10
    assert 0.1 * points <= had[0]
    assert had[-1] <= 0.9 * points
    assert finished(EXAMPLE, "killed.sqlite")["computed"] == points - had[-1]
    assert rows_of(sweep_folder / "killed.sqlite") == rows_of(sweep_folder / "whole.sqlite")


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_digits_have_a_narrow_design_that_is_as_good_as_floats(sweep_folder):
    tree = finished(EXAMPLE, "a.sqlite")
    assert tree["designs"] >= 200
    assert tree["seconds"] < 120
    narrow = [row["figures"] for row in tree["front"] if row["figures"]["width"] <= 8]
    assert max(row["accuracy"] for row in narrow) >= tree["network"]["accuracy"] - 0.005


WORKER = """
import os, sys, time
from bittrue.flow.coordinator import local
if __name__ == "__main__":
    with local(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""


def runs(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_workers_end_with_a_killed_coordinator(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(WORKER)
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as one:
        number = int(one.stdout.readline())
        assert runs(number)
        one.kill()
    end = time.monotonic() + 10
    while runs(number) and time.monotonic() < end:
        time.sleep(0.02)
    assert not runs(number)


CLUSTER = """
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        workers = [nanny.pid for nanny in cluster.workers.values()]
        print(cluster.scheduler_address, *workers, flush=True)
        input()
"""


@pytest.fixture
def dask(tmp_path):
    """Return the address of a cluster of two processes, and their numbers."""
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, str(script)], text=True, **pipes) as process:
        address, *workers = process.stdout.readline().split()
        yield address, [int(number) for number in workers]
        process.communicate("\n", timeout=60)


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("killed", [False, True])
def test_a_cluster_gives_the_same_rows_with_a_worker_killed_half_way(sweep_folder, dask, killed):
    address, workers = dask
    on_cluster = started(EXAMPLE, "cluster.sqlite", "--cluster", address, "--json")
    while killed and on_cluster.poll() is None and count("cluster.sqlite") < 300:
        time.sleep(0.005)
    if killed:
        os.kill(workers[0], signal.SIGKILL)
        assert count("cluster.sqlite") < 900
    assert ended(on_cluster)["computed"] == 960
    finished(EXAMPLE, "local.sqlite")
    assert rows_of(sweep_folder / "cluster.sqlite") == rows_of(sweep_folder / "local.sqlite")


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_cluster_that_does_not_answer_is_named():
    with (
        pytest.raises(BittrueError, match=r"^a cluster must answer at tcp://127.0.0.1:9 within"),
        cluster("tcp://127.0.0.1:9"),
    ):
        pass
