"""The two consoles: results on standard output, everything else on standard error."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Told(Protocol):
    """Told what is done, of how much, and perhaps a note on it."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show it."""


PIPED_WIDTH = 120
"""Columns where there is no terminal to ask."""


def console(file: TextIO | None = None) -> Console:
    """Return a console on a stream, standard output by default; plain where it is no terminal."""
    stream = file or sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=False, emoji=False)


def say(text: str) -> None:
    """Write one line on standard error."""
    sys.stderr.write(f"{text}\n")


@contextmanager
def progress(task: str, *, shown: bool = True) -> Iterator[Told]:
    """Show progress on standard error while a block runs; yield what is told (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    last = (TimeElapsedColumn(), TextColumn("{task.fields[note]}"))
    with Progress(
        *columns,
        *last,
        console=console(sys.stderr),
        transient=True,
        disable=not (shown and sys.stderr.isatty()),
    ) as bar:
        number = bar.add_task(task, total=None, note="")
        yield lambda done, total, note="": bar.update(
            number, completed=done, total=total, note=note
        )


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Show each warning of a block as one line on standard error, without its place in the code."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: say(f"bittrue: note: {message}")
        yield
