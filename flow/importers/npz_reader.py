"""Golden networks of our own, read as an imported one."""

import os

from bittrue.model.golden_file import load_golden

from .imported import Imported


def read_npz(path: str | os.PathLike[str]) -> Imported:
    """Read a network that ``bittrue train`` saved; see `bittrue.model.golden_file.load_golden`."""
    return Imported(load_golden(path)[0])
