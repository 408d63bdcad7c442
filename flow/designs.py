"""From what a person asked for to the models: networks and designs read, formats chosen."""

from pathlib import Path
from typing import Any, NamedTuple

from bittrue.model.config import TYPE_FIELDS, Config
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Values
from bittrue.model.golden import GoldenNetwork
from bittrue.model.golden_file import load_golden
from bittrue.model.quantize import quantize, resolved
from bittrue.model.ranges import choose_config
from bittrue.sim import testbench

from .config import DESIGN_FIELDS, Settings
from .data import Data
from .importers import read_model

IMPORTED = (".onnx", ".keras")
"""Suffixes of networks of others that need no more to be said."""


def resolved_config(
    settings: Settings, golden: GoldenNetwork, inputs: Values | None = None
) -> Config:
    """Return the types and curves that settings choose for a network.

    Parameters
    ----------
    settings : Settings
        With ``width`` formats are chosen from ranges, else they are what the settings name.
    golden : GoldenNetwork
        The network.
    inputs : ndarray of float64, shape (samples, inputs), optional
        Data that ranges are observed on.

    Raises
    ------
    BittrueError
        If choices do not go together.
    """
    if settings.width is None:
        for name in ("method", "margin"):
            if name in settings.model_fields_set:
                raise BittrueError(f"{name} must come with a width, got none")
        return resolved(settings.config, golden)
    if settings.format is not None:
        raise BittrueError(
            f"a width or a format must be given, got both: {settings.width}, {settings.format}"
        )
    given = settings.model_dump(include={*DESIGN_FIELDS, "method", "margin"})
    choices = {name: value for name, value in given.items() if value is not None}
    for name in TYPE_FIELDS:
        if isinstance(choices.get(name), list):
            choices[name] = tuple(choices[name])
    return resolved(choose_config(golden, settings.width, inputs=inputs, **choices), golden)


def made_design(
    settings: Settings, golden: GoldenNetwork, inputs: Values | None = None
) -> tuple[Design, Config]:
    """Return the design of a network and the choices it was made by; see `resolved_config`."""
    config = resolved_config(settings, golden, inputs)
    return quantize(golden, config), config


def refuse_choices(settings: Settings) -> None:
    """Refuse types and curves beside a saved design, which has its own."""
    fields = (*DESIGN_FIELDS, "width", "method", "margin")
    chosen = [name for name in fields if name in settings.model_fields_set]
    if chosen:
        raise BittrueError(
            f"a saved design must be run without choices of types and curves, got "
            f"{', '.join(chosen)}"
        )


class SavedNetwork(NamedTuple):
    """A network that was saved, and what it was trained on.

    Members
    -------
    golden : GoldenNetwork
        The network.
    training : dict
        How it came to be; empty where that was not said.
    """

    golden: GoldenNetwork
    training: dict[str, Any]

    def held_out_of(self, data: Data) -> int | None:
        """Return how many samples of a data set were not trained on, if that is known."""
        same = self.training.get("digest") == data.digest
        held_out = self.training.get("held_out")
        return held_out if same and isinstance(held_out, int) else None


def read_network(file: Path) -> SavedNetwork:
    """Return the golden network of a file: ours, or one of others; see `importers.read_model`."""
    if file.suffix in IMPORTED:
        return SavedNetwork(read_model(file).golden, {})
    return SavedNetwork(*load_golden(file))


def read_either(file: Path) -> SavedNetwork | Design:
    """Return what a file holds: a golden network (``.npz``) or a design (``.json``).

    Of networks of others it is the design, where their file says formats.
    """
    if file.suffix == ".npz":
        return read_network(file)
    if file.suffix == ".json":
        return Design.load(file)
    if file.suffix in IMPORTED:
        found = read_model(file)
        return found.design or SavedNetwork(found.golden, {})
    raise BittrueError(f"a network must be an .npz file and a design a .json file, got {file}")


def asked_design(settings: Settings, network: Path | None, file: Path | None) -> Design:
    """Return a saved design, or that of a saved network, or that of the 3-3-3 one.

    Raises
    ------
    BittrueError
        If both files are given, or choices beside a saved design.
    """
    if file is not None:
        if network is not None:
            raise BittrueError(f"a network or a design must be given, got both: {network}, {file}")
        refuse_choices(settings)
        return Design.load(file)
    if network is not None:
        golden = read_network(network).golden
    else:
        golden = testbench.train_333(settings.seed)
    inputs = testbench.query_inputs(settings.seed, settings.queries, golden.sizes[0])
    return made_design(settings, golden, inputs)[0]
