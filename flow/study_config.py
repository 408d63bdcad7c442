"""Settings of a study: the command line over a TOML file over the defaults."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bittrue.model.exceptions import BittrueError
from bittrue.model.golden import RULES
from bittrue.model.modes import Overflow, Rounding
from bittrue.model.ranges import METHODS

from .config import checked, read_choices
from .options import PARTS

TAUGHT = ("train", "seeds", "seed", "epochs", "learning_rate", "rule")
"""What says how networks are trained, and counts for none that is given."""


class StudySettings(BaseModel):
    """What a study can be told, by the same names in TOML and on the command line.

    Members
    -------
    data : str or None
        A data set, as `bittrue.flow.data.load` takes it.
    train : list of int or None
        Sizes of networks to be trained.
    seeds, seed : int
        How many, and the first of them.
    epochs, learning_rate, rule
        How they are trained.
    part, samples
        What errors are measured on.
    widths, roundings, overflows, curves
        What is varied; ``["all"]`` stands for all modes.
    preactivation_width, segments, method
        What all designs share.
    reference : str or None
        Published figures; in a file, a path from where that file lies.
    certify : bool
        Whether what can be proven is proven, too.
    jobs : int or None
        Processes; all cores where not given.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    data: str | None = Field(None, description="digits, mnist, or a file")
    train: list[int] | None = Field(None, description="a list of integers as in [64, 32, 10]")
    seeds: int = Field(1, description="an integer of at least 1")
    seed: int = Field(0, ge=0, description="an integer of at least 0")
    epochs: int = Field(30, description="an integer of at least 1")
    learning_rate: float = Field(0.1, description="a number")
    rule: str = Field("book", description=f"one of {', '.join(RULES)}")
    part: str = Field("held-out", description=f"one of {', '.join(PARTS)}")
    samples: int | None = Field(None, description="an integer of at least 1")
    widths: list[int] = Field(
        [3, 4, 5, 6, 8, 10, 12, 16], description="a list of integers as in [8, 10, 12]"
    )
    preactivation_width: int | None = Field(None, ge=2, le=63, description="2 to 63 bits")
    roundings: list[str] = Field([Rounding.RND_CONV.value], description="a list of rounding modes")
    overflows: list[str] = Field([Overflow.SAT.value], description="a list of overflow modes")
    curves: list[str] = Field(["fit"], description="a list of names of curves")
    segments: int = Field(256, ge=1, description="an integer of at least 1")
    method: str = Field("observed", description=f"one of {', '.join(METHODS)}")
    reference: str | None = Field(None, description="a CSV file of published figures")
    certify: bool = Field(False, description="true or false")
    jobs: int | None = Field(None, ge=1, description="an integer of at least 1")

    def to_json(self) -> dict[str, Any]:
        """Return the settings that figures depend on, as JSON; no path and no count of cores."""
        return {
            **self.model_dump(exclude={"jobs"}),
            "data": None if self.data is None else Path(self.data).name,
            "reference": None if self.reference is None else Path(self.reference).name,
        }


def study_settings(given: Mapping[str, Any], file: Path | None, *, trained: bool) -> StudySettings:
    """Return the settings of a study.

    Parameters
    ----------
    given : mapping
        What the command line says, by field of `StudySettings`; it overrules the file.
    file : Path or None
        A TOML file.
    trained : bool
        Whether the command line names a network: what the file says of training counts for none.

    Raises
    ------
    BittrueError
        If a key is unknown, a value is of the wrong kind, or choices do not go together.
    """
    written = read_choices(file, StudySettings) if file else {}
    if trained:
        written = {name: value for name, value in written.items() if name not in TAUGHT}
    if file is not None and "reference" in written:
        written["reference"] = str(file.parent / written["reference"])
    settings = checked({**written, **given}, "the command line", StudySettings)
    _check(settings, trained=trained)
    return settings


def _check(settings: StudySettings, *, trained: bool) -> None:
    if settings.data is None:
        raise BittrueError("data must be given, got none: --data digits, for example")
    if settings.method not in METHODS:
        raise BittrueError(
            f"the method must be one of {', '.join(METHODS)}, got {settings.method!r}"
        )
    if settings.seeds < 1:
        raise BittrueError(f"seeds must be at least 1, got {settings.seeds}")
    if settings.train is None:
        if settings.model_fields_set & {"seeds", "seed"}:
            raise BittrueError("seeds must come with --train, got a network that was trained")
        if not trained:
            raise BittrueError("a network or --train must be given, got neither")
    elif trained:
        sizes = ",".join(map(str, settings.train))
        raise BittrueError(f"a network or --train must be given, got both: a file and {sizes}")
    elif len(settings.train) < 2:
        raise BittrueError(f"train must be at least two sizes as in 64,32,10, got {settings.train}")
