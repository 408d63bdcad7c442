"""What stored studies, sweeps, syntheses and proofs must look like; see `report_schema`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .report_schema import AFormat, Count, Integer, Number, Part, Theory


class MeanOf(Part):
    """A mean over seeds, and its standard error."""

    mean: Number | None
    standard_error: Number | None


class AtWidth(Part):
    """Means of a study at one width."""

    width: Count
    seeds: Count
    accuracy: MeanOf
    agreement: MeanOf
    sqnr: MeanOf
    maximum: MeanOf
    mean: MeanOf
    rms: MeanOf
    bias: MeanOf
    theory_sqnr: Number | None


class StudyLine(Part):
    """A curve and modes, over widths."""

    line: str
    db_per_bit: Number | None
    widths: list[AtWidth]


class FiguresOf(Part):
    """How far actual values are from expected ones."""

    maximum: Number | None
    mean: Number | None
    rms: Number | None
    bias: Number | None
    power: Number | None
    sqnr: Number | None


class StageFigures(Part):
    """Errors after a stage."""

    layer: Count
    stage: str
    format: AFormat
    errors: FiguresOf
    overflowed: Count


class ModeFigures(Part):
    """What rounding did to pre-activations, beside the theory."""

    layer: Count
    dropped: Integer
    measured: Theory
    theory: Theory


class BudgetFigures(Part):
    """What each source of errors adds."""

    alone: dict[str, FiguresOf]
    total: FiguresOf
    remainder: Number | None


class FoundFigures(Part):
    """What was found at a point."""

    design: str
    accuracy: Number
    agreement: Number
    layers: list[StageFigures]
    modes: list[ModeFigures]
    budget: BudgetFigures | None


class StudyPoint(Part):
    """A choice with one seed."""

    seed: Integer | None
    width: Count
    rounding: str
    overflow: str
    curve: str
    reason: str | None
    found: FoundFigures | None


class PublishedFigure(Part):
    """A figure beside a published one."""

    width: Count | None
    figure: str
    found: MeanOf
    published: Number
    difference: Number | None
    allowed: Number
    within: bool


class ReferenceFound(Part):
    """A study beside published figures."""

    file: str
    source: str
    line: str
    agrees: bool
    verdict: str
    figures: list[PublishedFigure]


class StudyResult(Part):
    """``bittrue study``."""

    schema_name: Literal["bittrue.study/1"] = Field(alias="schema")
    network: str | None
    data: str
    data_digest: str
    part: str
    samples: Count
    layers: list[Count]
    seeds: list[Integer | None]
    golden_accuracy: list[Number]
    summary: list[StudyLine]
    points: list[StudyPoint]
    reference: ReferenceFound | None
    config: dict[str, Any]
    versions: dict[str, str]


class SweepRow(Part):
    """A point of a sweep that could be measured."""

    key: str
    config: dict[str, Any]
    weights: str
    data: str
    version: str
    design: str
    figures: dict[str, Number | None]


class SweepResult(Part):
    """``bittrue sweep``."""

    schema_name: Literal["bittrue.sweep/1"] = Field(alias="schema")
    network: dict[str, Any]
    axes: dict[str, Any]
    search: dict[str, Any]
    objectives: Annotated[list[str], Field(min_length=1)]
    constraints: list[str]
    choose: str
    hardware: dict[str, Any]
    points: Count
    failed: Count
    designs: Count
    front: list[SweepRow]
    chosen: SweepRow | None
    cloud: list[list[Number | None]]
    versions: dict[str, str]
    files: dict[str, dict[str, Any]]
    parts: list[Any]


class PathStep(Part):
    """A component on a critical path, and its nanoseconds."""

    component: str
    delay: Number


class TimingFound(Part):
    """What place and route found."""

    fmax: Number
    seeds: dict[str, Number]
    start: str
    end: str
    path: list[PathStep]


class ResourcesFound(Part):
    """What a design takes on a device."""

    lut: Number
    ff: Number
    dsp: Number
    bram: Number
    carry: Number
    lutram: Number


class MappedResources(ResourcesFound):
    """Resources, and the cells that they were counted from."""

    cells: dict[str, Count]


class TargetFound(Part):
    """A family's figures."""

    target: str
    title: str
    flags: dict[str, str]
    tools: list[str]
    resources: MappedResources
    timing: TimingFound | None


class SynthResult(Part):
    """``bittrue synth``."""

    schema_name: Literal["bittrue.synth/1"] = Field(alias="schema")
    part: str
    layer: Count | None
    targets: list[TargetFound]
    design: str
    machine: dict[str, Any]
    versions: dict[str, str]


class EstimateFound(ResourcesFound):
    """What is estimated for a family."""

    target: str
    fmax: Number
    latency: Count
    interval: Count


class EstimateResult(Part):
    """``bittrue synth --estimate``."""

    schema_name: Literal["bittrue.estimate/1"] = Field(alias="schema")
    estimates: list[EstimateFound]
    design: str
    machine: dict[str, Any]
    versions: dict[str, str]


class Claim(Part):
    """What became of a claim."""

    claim: str
    status: str
    words: Count
    asked: Count
    tried: Count
    different: str | None


class ProveResult(Part):
    """``bittrue prove``."""

    schema_name: Literal["bittrue.prove/1"] = Field(alias="schema")
    proven: bool
    claims: list[Claim]
    design: str
    machine: dict[str, Any]
    solver: str
    versions: dict[str, str]
