"""Locks on single bytes of a file, which the system gives back however a process ends.

They are those of POSIX where there are any, and else those of Windows.
"""

import importlib
import os
from pathlib import Path
from typing import Any

from bittrue.model.exceptions import ToolMissing


class ByteLocks:
    """Locks on the bytes of one file.

    Parameters
    ----------
    path : Path
        The file, made where it is not there.

    Raises
    ------
    ToolMissing
        If this system has neither kind of locks.
    """

    def __init__(self, path: Path) -> None:
        self._posix, self._windows = _module("fcntl"), _module("msvcrt")
        if self._posix is None and self._windows is None:
            raise ToolMissing(
                "a store must have locks of POSIX or Windows, got a Python without them"
            )
        kept = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | kept, 0o666)

    def hold(self, byte: int) -> None:
        """Lock a byte.

        Raises
        ------
        OSError
            If another process holds it.
        """
        if self._posix is not None:
            exclusive = self._posix.LOCK_EX | self._posix.LOCK_NB
            self._posix.lockf(self._file, exclusive, 1, byte)
        else:
            self._of_windows("LK_NBLCK", byte)

    def release(self, byte: int) -> None:
        """Give a byte back."""
        if self._posix is not None:
            self._posix.lockf(self._file, self._posix.LOCK_UN, 1, byte)
        else:
            self._of_windows("LK_UNLCK", byte)

    def lives(self, byte: int) -> bool:
        """Tell whether another process holds a byte."""
        try:
            self.hold(byte)
        except OSError:
            return True
        self.release(byte)
        return False

    def close(self) -> None:
        """Give all bytes back."""
        os.close(self._file)

    def _of_windows(self, mode: str, byte: int) -> None:
        # it locks from where the file stands
        os.lseek(self._file, byte, os.SEEK_SET)
        windows: Any = self._windows
        windows.locking(self._file, getattr(windows, mode), 1)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
