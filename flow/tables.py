"""What all reports share: where they go, bare tables, numbers in JSON, versions."""

import io
import math
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from bittrue.model.files import dump_json, write_whole

from .console import console, say

PACKAGES = ("bittrue", "amaranth", "numpy", "scipy")


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on, by package."""
    return {"python": python_version(), **{name: version(name) for name in PACKAGES}}


def as_text(print_on: Callable[[Console], None]) -> str:
    """Return, as plain text, what something prints on a console."""
    page = io.StringIO()
    print_on(console(page))
    return page.getvalue()


def give(
    shown: Callable[[Console], None],
    tree: Any | None = None,
    output: Path | None = None,
    *,
    verdict: str = "",
) -> None:
    """Write a report to standard output or a file.

    Parameters
    ----------
    shown : callable
        Prints it on a console.
    tree : object, optional
        What is written in its place, as JSON.
    output : Path, optional
        The file; standard error then says that it is written.
    verdict : str
        What standard error says beside that.
    """
    if output:
        write_whole(output, as_text(shown) if tree is None else dump_json(tree))
        say(f"bittrue: wrote {output}" + (f": {verdict}" if verdict else ""))
    elif tree is not None:
        typer.echo(dump_json(tree), nl=False)
    else:
        shown(console())


def bare_table(title: str, *columns: str) -> Table:
    """Return a table without rows, all columns flush right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def finite(value: float) -> float | None:
    """Return a number as JSON can hold it: null for NaN and infinities."""
    return value if math.isfinite(value) else None
