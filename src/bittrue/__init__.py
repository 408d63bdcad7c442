"""Bit-true fixed-point neural networks: on paper, in numbers, and in gates."""

import importlib.util

__version__ = "0.1.0"

for _room in ("model", "hdl", "sim", "flow"):
    if importlib.util.find_spec(f"{__name__}.{_room}") is None:
        raise ImportError(
            f"src/bittrue/{_room} must be a link to the folder {_room}/, got none: check the "
            "repository out with symbolic links (git config core.symlinks true; git checkout .)"
        )
