"""Stores: rows stay, claims end with their owners, and files that are none are left alone."""

import sqlite3
import subprocess
import sys

import pytest

from bittrue.flow.store import HEADER, Row, Store, refuse_network
from bittrue.model.exceptions import BittrueError

FIGURES = {"accuracy": 0.5, "sqnr": float("inf"), "bits": 12.0}


def row(key, reason=None):
    figures = {} if reason else FIGURES
    return Row(key, {"width": 8, "pe": [2, 1]}, "w", "d", "1", None, reason, figures)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.sqlite"


def test_rows_come_back_as_they_were(path):
    rows = {key: row(key, reason) for key, reason in (("a", None), ("b", "too coarse"))}
    with Store(path) as store:
        store.add(rows.values())
    with Store(path) as store:
        assert store.rows() == rows
        assert store.rows(["b", "c"]) == {"b": rows["b"]}
        assert len(store) == 2


def test_a_row_that_is_there_stays(path):
    with Store(path) as store:
        store.add([row("a")])
        store.add([row("a", "another")])
        assert store.rows()["a"].reason is None


def test_claims_are_of_what_is_neither_done_nor_claimed(path):
    with Store(path) as store:
        store.add([row("a")])
        assert store.claim(["a", "b", "c", "d"], 2) == ["b", "c"]
        assert store.claim(["a", "b", "c", "d"], 2) == ["d"]
        store.add([row("b")])
        assert store.claim(["b"], 1) == []


def test_rows_are_written_all_or_none(path):
    broken = row("b")._replace(weights=None)
    with Store(path) as store:
        store.add([row("a")])
        with pytest.raises(BittrueError, match=r"^.* must be a store that can be written, got: "):
            store.add([row("c"), broken])
        with pytest.raises(TypeError):
            store.add([row("d"), row("e")._replace(config={1, 2})])
        assert sorted(store.rows()) == ["a"]


HOLDER = """
import sys
from pathlib import Path
from bittrue.flow.store import Store
store = Store(Path(sys.argv[1]))
print(*store.claim(["a", "b"], 2), flush=True)
sys.stdin.read()
"""


def test_claims_hold_while_another_process_lives_and_end_with_kill(path):
    command = [sys.executable, "-c", HOLDER, str(path)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with other, Store(path) as store:
        assert other.stdout.readline().split() == ["a", "b"]
        assert store.claim(["a", "b", "c"], 3) == ["c"]
        other.kill()
        other.wait()
        assert store.claim(["a", "b", "c"], 3) == ["a", "b"]


def test_networks_are_kept_and_the_first_one_counts(path):
    with Store(path) as store:
        assert store.network("recipe") is None
        store.add_network("recipe", b"one")
        store.add_network("recipe", b"two")
        assert store.network("recipe") == b"one"


def refused(path, message):
    before = path.read_bytes()
    with pytest.raises(BittrueError, match=message):
        Store(path)
    assert path.read_bytes() == before


def test_other_files_are_left_alone(path):
    path.write_text("accuracy,bits\n")
    refused(path, r"^.*rows.sqlite must be a store of sweeps, got another file; it was not read$")


def test_other_databases_are_left_alone(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE rows (x)")
    other.close()
    refused(path, r"^.*rows.sqlite must be a store of sweeps, got another database$")


def test_other_versions_are_left_alone(path):
    Store(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 1")
    other.close()
    refused(path, r"^.* must be a store of version 3, got version 1; it was left as it is$")


@pytest.mark.parametrize("cut", [200, 5000, -4096])
def test_a_damaged_store_says_what_could_be_read(path, cut):
    with Store(path) as store:
        store.add(row(f"{number:04}") for number in range(500))
    path.write_bytes(path.read_bytes()[:cut])
    refused(
        path,
        r"^.*rows.sqlite must be a whole store, got a damaged one \(.*\): \d+ rows could be read "
        r"and nothing after them; it was left as it is$",
    )


def test_overwritten_pages_are_seen(path):
    with Store(path) as store:
        store.add(row(f"{number:04}") for number in range(500))
    content = bytearray(path.read_bytes())
    content[-8192:-4096] = b"\xff" * 4096
    path.write_bytes(content)
    refused(path, r"^.* must be a whole store, got a damaged one \(.*\): \d+ rows could be read ")


def test_an_empty_file_is_a_new_store(path):
    path.touch()
    with Store(path) as store:
        assert len(store) == 0
    assert path.read_bytes().startswith(HEADER)


def test_network_file_systems_are_refused(path):
    here = str(path.parent).replace(" ", "\\040")
    mounts = f"/dev/sda / ext4 rw 0 0\nserver:/x {here} nfs4 rw 0 0\n"
    with pytest.raises(BittrueError, match=r"^a store must lie on a disk .*rows.sqlite on nfs4$"):
        refuse_network(path, mounts)
    refuse_network(path, mounts.replace(here, "/elsewhere"))
    refuse_network(path, "")


def test_a_store_that_is_only_read_stays_as_it_is(path):
    with Store(path) as store:
        store.add([row("a")])
        store.add_designs({"d": b"{}"})
    before = path.read_bytes()
    with Store(path, writable=False) as store:
        assert (list(store.rows()), store.designs()) == (["a"], {"d": b"{}"})
        with pytest.raises(BittrueError, match="must be a store that can be written"):
            store.add([row("b")])
    assert path.read_bytes() == before


def test_a_store_that_is_only_read_is_not_made(path):
    with pytest.raises(BittrueError, match=r"^a store must be a file that is there, got .*$"):
        Store(path, writable=False)
    assert not path.exists()
