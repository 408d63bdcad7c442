"""Bit-true fixed-point neural networks: on paper, in numbers, and in gates.

The names in ``__all__`` are those that programs may rely on; each is imported from its module when
it is first asked for, so that ``import bittrue`` is quick, and Amaranth is imported only for
hardware.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .hdl.machine import Machine
    from .hdl.netlist import to_verilog
    from .hdl.network import Network
    from .model.config import Config
    from .model.design import Design
    from .model.exceptions import BittrueError, ToolMissing
    from .model.fixed import FixedNetwork
    from .model.golden import GoldenNetwork
    from .model.golden_file import load_golden, save_golden
    from .model.learner import learning
    from .model.quantize import quantize
    from .model.types import FixedType, Format
    from .sim.assertion import assert_bit_true
    from .sim.engines import simulate
    from .sim.record import Session
    from .sim.testbench import verify

__version__ = "0.1.0"

__all__ = [
    "BittrueError",
    "Config",
    "Design",
    "FixedNetwork",
    "FixedType",
    "Format",
    "GoldenNetwork",
    "Machine",
    "Network",
    "Session",
    "ToolMissing",
    "__version__",
    "assert_bit_true",
    "learning",
    "load_golden",
    "quantize",
    "save_golden",
    "simulate",
    "to_verilog",
    "verify",
]

_PLACES = {
    "BittrueError": "model.exceptions",
    "Config": "model.config",
    "Design": "model.design",
    "FixedNetwork": "model.fixed",
    "FixedType": "model.types",
    "Format": "model.types",
    "GoldenNetwork": "model.golden",
    "Machine": "hdl.machine",
    "Network": "hdl.network",
    "Session": "sim.record",
    "ToolMissing": "model.exceptions",
    "assert_bit_true": "sim.assertion",
    "learning": "model.learner",
    "load_golden": "model.golden_file",
    "quantize": "model.quantize",
    "save_golden": "model.golden_file",
    "simulate": "sim.engines",
    "to_verilog": "hdl.netlist",
    "verify": "sim.testbench",
}

for _room in ("model", "hdl", "sim", "flow"):
    if importlib.util.find_spec(f"{__name__}.{_room}") is None:
        raise ImportError(
            f"src/bittrue/{_room} must be a link to the folder {_room}/, got none: check the "
            "repository out with symbolic links (git config core.symlinks true; git checkout .)"
        )


if not TYPE_CHECKING:  # a name that is none of these is an error there

    def __getattr__(name: str) -> object:
        """Import a name of ``__all__`` from its module, once."""
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found: object = getattr(importlib.import_module(f".{_PLACES[name]}", __name__), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
