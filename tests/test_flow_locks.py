"""Locks of POSIX, and those of Windows where a Python has no others."""

import importlib
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from bittrue.flow import locks
from bittrue.flow.locks import ByteLocks
from bittrue.flow.store import Store
from bittrue.model.exceptions import ToolMissing

IMPORT = importlib.import_module
HOLDER = """
import sys
from pathlib import Path
from bittrue.flow.locks import ByteLocks
locks = ByteLocks(Path(sys.argv[1]))
locks.hold(7)
print("held", flush=True)
sys.stdin.read()
"""


class Windows(SimpleNamespace):
    """The module of Windows, as far as it is used: locks are the handle's, not the process's."""

    LK_NBLCK, LK_UNLCK = 2, 0

    def __init__(self):
        super().__init__(held=set())

    def locking(self, file, mode, count):
        place = os.lseek(file, 0, os.SEEK_CUR)
        inode = os.fstat(file).st_ino
        assert count == 1
        if mode == self.LK_NBLCK:
            if (inode, place) in self.held:
                raise PermissionError("deadlock avoided")
            self.held.add((inode, place))
        else:
            self.held.remove((inode, place))


@pytest.fixture
def without_posix(monkeypatch):
    """Have a Python as on Windows, and return what its locks are."""
    windows = Windows()

    def find(name):
        if name == "fcntl":
            raise ImportError(name)
        return windows if name == "msvcrt" else IMPORT(name)

    monkeypatch.setattr(locks.importlib, "import_module", find)
    return windows


def test_another_process_that_holds_a_byte_is_seen(tmp_path):
    own = ByteLocks(tmp_path / "lock")
    words = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        assert own.lives(7)
        assert not own.lives(8)
        with pytest.raises((BlockingIOError, PermissionError)):
            own.hold(7)
        process.kill()
    assert not own.lives(7)
    own.close()


def test_locks_of_windows(tmp_path, without_posix):
    first, second = ByteLocks(tmp_path / "lock"), ByteLocks(tmp_path / "lock")
    first.hold(3)
    assert second.lives(3)
    assert not second.lives(4)
    first.release(3)
    assert not second.lives(3)
    assert not without_posix.held


def test_a_store_with_locks_of_windows(tmp_path, without_posix):
    with Store(tmp_path / "a.db") as one, Store(tmp_path / "a.db") as two:
        assert one.owner != two.owner
        assert {place for _, place in without_posix.held} == {one.owner, two.owner}


def test_neither_kind_of_locks(tmp_path, monkeypatch):
    def find(name):
        raise ImportError(name)

    monkeypatch.setattr(locks.importlib, "import_module", find)
    message = "^a store must have locks of POSIX or Windows, got a Python without them$"
    with pytest.raises(ToolMissing, match=message):
        ByteLocks(tmp_path / "lock")
