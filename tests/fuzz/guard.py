"""One execution of a reader under watch: errors, time, memory, files and programs."""

import os
import resource
import signal
import sys
import traceback
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from bittrue.model.exceptions import BittrueError, BittrueWarning, DefaultsWarning

from .readers import Target

SECONDS = 5.0
"""Time of a processor that one file may take, and as many again for each 4 MiB of it."""

SPARE = 64 << 20
"""Bytes that a reader may take beyond twice its file."""

LONGEST = 1200
"""Characters of a message, beyond the names of files in it."""

PAGE = resource.getpagesize()

FORBIDDEN = (
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn"),
    *("subprocess.Popen", "socket.__new__", "tempfile.mkstemp", "tempfile.mkdtemp"),
    *("pickle.find_class", "ctypes.dlopen", "shutil.copyfile", "shutil.rmtree", "sqlite3.connect"),
)
"""What a reader has no business with, as the interpreter's audit names it."""


class Hang(BaseException):
    """A reader took too long; no reader may catch it."""


class Result(NamedTuple):
    """What became of one file.

    Members
    -------
    refused : bool
        Whether the reader refused it as it should.
    finding : str or None
        What was wrong with the reader, if anything was.
    """

    refused: bool
    finding: str | None


class Guard:
    """Runs readers in this process, which it changes for good: fork before.

    Parameters
    ----------
    target : Target
        The reader.
    root : Path
        An empty folder.
    """

    def __init__(self, target: Target, root: Path) -> None:
        self.target = target
        self.folder, self._empty = root / "files", root / "cwd"
        for folder in (self.folder, self._empty):
            folder.mkdir()
        for name, content in target.beside.items():
            (self.folder / name).write_bytes(content)
        self._file = self.folder / target.file
        self._before = {*target.beside, target.file}
        self._events: list[str] = []
        self._watching = False
        os.chdir(self._empty)
        sys.addaudithook(self._heard)
        signal.signal(signal.SIGPROF, _hung)
        warnings.simplefilter("error")
        for known in (BittrueWarning, DefaultsWarning):
            warnings.simplefilter("ignore", known)
        self._warm_up()

    def _warm_up(self) -> None:
        """Read whole files first, so that what is imported and cached counts for none."""
        for content in self.target.seeds():
            self._file.write_bytes(content)
            self.target.read(self._file)

    def run(self, content: bytes) -> Result:
        """Have the reader read a file."""
        self._file.write_bytes(content)
        self._events.clear()
        refused, finding = self._watched(len(content))
        return Result(refused, finding or self._left_behind(content))

    def _watched(self, size: int) -> Result:
        taken = _mapped_bytes()
        limit = taken + 2 * size + SPARE
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        self._watching = True
        signal.setitimer(signal.ITIMER_PROF, SECONDS * (1 + size / (4 << 20)))
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
        try:
            self.target.read(self._file)
            return Result(False, None)
        except BittrueError as error:
            wrong = _wrong_with(error, self.folder)
            return Result(True, wrong and f"{wrong}, raised in {_place_of(error)}")
        except Hang:
            return Result(False, "hang")
        except BaseException as error:
            return Result(
                False, f"{type(error).__name__} instead of a refusal in {_place_of(error)}"
            )
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
            self._watching = False

    def _left_behind(self, content: bytes) -> str | None:
        """Say what was written, or asked of the system."""
        if self._events:
            return f"forbidden: {self._events[0]}"
        if os.listdir(self._empty):
            return f"forbidden: wrote {os.listdir(self._empty)[0]} to where it was called"
        more = set(os.listdir(self.folder)) - self._before
        if self.target.writes:
            for name in more:
                if not name.startswith(self.target.file):
                    return f"forbidden: wrote {name}"
                (self.folder / name).unlink()
            return None
        if more:
            return f"forbidden: wrote {more.pop()}"
        return None if self._file.read_bytes() == content else "forbidden: changed the file"

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Keep what the interpreter says that a reader must not do."""
        if not self._watching:
            return
        if event == "open":
            path, mode, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            if writes and not self._may_write(path):
                self._events.append(f"open to write, {mode}")
        elif event in FORBIDDEN and not self._may_connect(event, arguments):
            self._events.append(event)

    def _may_write(self, path: object) -> bool:
        return self.target.writes and str(path).startswith(str(self._file))

    def _may_connect(self, event: str, arguments: tuple[Any, ...]) -> bool:
        return event == "sqlite3.connect" and str(arguments[0]).startswith(self._file.as_uri())


def _hung(number: int, frame: FrameType | None) -> None:
    raise Hang


def _mapped_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * PAGE


def _wrong_with(error: BittrueError, folder: Path) -> str | None:
    """Say what is wrong with a refusal: it must be one printable sentence, and cost no memory."""
    if any(isinstance(cause, MemoryError) for cause in _causes(error)):
        return f"memory beyond twice the file and {SPARE >> 20} MiB"
    text = str(error).replace(str(folder), "")
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in text):
        return "message that a terminal obeys"
    return f"message of more than {LONGEST} characters" if len(text) > LONGEST else None


def _place_of(error: BaseException) -> str:
    """Return the function of the package that an error left last: the same for the same bug."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "bittrue" in Path(frame.filename).parts]
    return f"{Path(ours[-1].filename).stem}.{ours[-1].name}" if ours else "no function of ours"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it was raised for."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
