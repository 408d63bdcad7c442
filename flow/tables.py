"""What all reports share: bare tables, what is printed as text, numbers in JSON, versions."""

import io
import math
from collections.abc import Callable
from importlib.metadata import version
from platform import python_version

from rich.console import Console
from rich.table import Table

from .console import console

PACKAGES = ("bittrue", "amaranth", "numpy", "scipy")


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on, by package."""
    return {"python": python_version(), **{name: version(name) for name in PACKAGES}}


def as_text(print_on: Callable[[Console], None]) -> str:
    """Return, as plain text, what something prints on a console."""
    page = io.StringIO()
    print_on(console(page))
    return page.getvalue()


def bare_table(title: str, *columns: str) -> Table:
    """Return a table without rows, all columns flush right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def finite(value: float) -> float | None:
    """Return a number as JSON can hold it: null for NaN and infinities."""
    return value if math.isfinite(value) else None
