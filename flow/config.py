"""Settings of a run: the command line over a TOML file over the defaults."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bittrue.model.config import TYPE_FIELDS, Config
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import read_text
from bittrue.model.ranges import METHODS
from bittrue.sim.engines import ENGINES

Model = TypeVar("Model", bound=BaseModel)

Types = Annotated[
    str | list[str] | None,
    Field(description="a type like fxp-s16/12,RND_CONV,SAT, or a list of one a layer"),
]
Lanes = Annotated[
    Annotated[int, Field(ge=1)] | list[Annotated[int, Field(ge=1)]],
    Field(description="an integer of at least 1, or a list of one a layer"),
]

OVERRULED: Mapping[str, tuple[str, ...]] = {
    "format": (*TYPE_FIELDS, "width", "method", "margin"),
    "width": ("format",),
    "curve": ("segments", "tolerance"),
    "segments": ("tolerance",),
    "tolerance": ("segments",),
}
"""What a choice on the command line takes out of the file, apart from its own name."""


MOST_BYTES = 1 << 16
"""Bytes of a file of settings."""

MOST_DOTS = 100

DESIGN_FIELDS = (
    *("format", "rounding", "overflow", "curve", "segments", "tolerance"),
    *TYPE_FIELDS,
)
"""Settings that make a design; the others say what is done with one."""


class Settings(BaseModel):
    """What commands can be told, by the same names in TOML and on the command line.

    Members
    -------
    format, rounding, overflow : str or None
        For all types, and for pre-activations and outputs; see `Config.of`.
    input_type, weight_type, bias_type, preactivation_type, output_type : str, list or None
        Of one role; a list has one a layer.
    curve, segments, tolerance
        As in `Config`.
    width, method, margin
        Formats chosen from ranges: see `bittrue.model.ranges.choose_config`.
    seed : int
        Of everything drawn.
    queries : int
        Random queries, at least 1.
    pe, simd : int or list of int
        Folding; a list has one a layer.
    engine : str
        What simulates; "auto" for the fastest there is.
    jobs : int or None
        Simulators at once; all cores where not given.
    stalls : float
        Probability that the source or the sink lets a cycle pass.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: str | None = Field(None, description="a format like fxp-s16/12")
    rounding: str | None = Field(None, description="the name of a rounding mode")
    overflow: str | None = Field(None, description="the name of an overflow mode")
    input_type: str | None = Field(None, description="a type like fxp-s16/12,RND_CONV,SAT")
    weight_type: Types = None
    bias_type: Types = None
    preactivation_type: Types = None
    output_type: Types = None
    curve: str | list[str] | None = Field(
        None, description="a curve's name, or a list of one a layer"
    )
    segments: int | list[int] | None = Field(
        None, description="a number of segments, or a list of one a layer"
    )
    tolerance: float | list[float] | None = Field(
        None, description="a maximum absolute error, or a list of one a layer"
    )
    width: int | None = Field(None, ge=2, le=63, description="2 to 63 bits")
    method: str = Field("observed", description=f"one of {', '.join(METHODS)}")
    margin: float = Field(0.0, ge=0, description="a share of at least 0")
    seed: int = Field(0, ge=0, description="an integer of at least 0")
    queries: int = Field(10, ge=1, description="an integer of at least 1")
    pe: Lanes = 1
    simd: Lanes = 1
    engine: str = Field("auto", description=f"one of {', '.join(ENGINES)}, or auto")
    jobs: int | None = Field(None, ge=1, description="an integer of at least 1")
    stalls: float = Field(0.0, ge=0, lt=1, description="a probability from 0 to below 1")

    @property
    def config(self) -> Config:
        """The choices that make a design."""
        return Config.of(**self.model_dump(include=set(DESIGN_FIELDS)))


def resolve(given: Mapping[str, Any], file: Path | None = None) -> Settings:
    """Return the settings of a run.

    Parameters
    ----------
    given : mapping
        What the command line says, by field of `Settings`. It overrules the file; a format for
        all also overrules the file's types, and another curve the file's segments.
    file : Path, optional
        A TOML file.

    Raises
    ------
    BittrueError
        If a key is unknown or a value is of the wrong kind; the message names file and key.
    """
    written = read_choices(file, Settings) if file else {}
    overruled = {name for choice in given for name in OVERRULED.get(choice, ())}
    kept = {name: value for name, value in written.items() if name not in overruled}
    return checked({**kept, **given}, "the command line", Settings)


def read_choices(file: Path, model: type[BaseModel]) -> dict[str, Any]:
    """Return the choices of a TOML file, hyphens in their names read as underscores.

    Raises
    ------
    BittrueError
        If it cannot be read, or holds what the model refuses; the message names file and key.
    """
    tree = read_toml(file, "a configuration file")
    choices = {name.replace("-", "_"): value for name, value in tree.items()}
    checked(choices, str(file), model)
    return choices


def read_toml(file: Path, what: str) -> dict[str, Any]:
    """Return what a TOML file holds.

    Parameters
    ----------
    file : Path
        At most `MOST_BYTES`, and `MOST_DOTS` in a line.
    what : str
        What it must be, for messages.

    Raises
    ------
    BittrueError
        If it cannot be read, or is no TOML.
    """
    text = read_text(file, what, MOST_BYTES)
    # the time for a dotted key grows with the square of its parts
    if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
        raise BittrueError(f"{file} must have at most {MOST_DOTS} dots in a line, got more")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BittrueError(f"{file} must be TOML, got: {error}") from None


def checked(choices: Mapping[str, Any], place: str, model: type[Model]) -> Model:
    """Return choices as a model; one that it refuses is named, with the place it stands in.

    Raises
    ------
    BittrueError
        If a key is unknown or a value is of the wrong kind.
    """
    try:
        return model.model_validate(choices)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
    known = model.model_fields
    if name not in known:
        raise BittrueError(f"{place}: a key must be one of {', '.join(known)}, got {name!r}")
    raise BittrueError(f"{place}: {name} must be {known[name].description}, got {choices[name]!r}")
