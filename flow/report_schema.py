"""What stored results must look like for a report to be drawn of them, by schema.

Only what is drawn is asked for; what else a result holds is left alone.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bittrue.model.formats import Format
from bittrue.sim.divergence import Divergence, Seen

LARGEST = 1e100
"""Magnitude up to which numbers are drawn."""

MOST = 1 << 63


def _format_of(text: object) -> object:
    return Format.parse(text) if isinstance(text, str) else text


Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=MOST)]
Integer = Annotated[int, Field(ge=-MOST, lt=MOST)]
Exponent = Annotated[int, Field(ge=-4096, le=4096)]
AFormat = Annotated[Format, BeforeValidator(_format_of)]
Ends = Annotated[list[Number], Field(min_length=2, max_length=2)]
Matrix = list[list[Count]]


class Part(BaseModel):
    """A part of a result: types are exact, fields that are not named are passed over."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class Magnitudes(Part):
    """How many words have which floor(log2 of the magnitude)."""

    first: Exponent
    counts: Annotated[list[Count], Field(max_length=8192)]
    zeros: Count


class Tensor(Part):
    """A tensor's format and ranges; `magnitudes` only from a verification."""

    layer: Count
    tensor: str
    format: AFormat
    seen: Ends | None
    guaranteed: Ends
    bits_needed: Integer
    bits_given: Integer
    saturated: Count | None
    words: Count
    magnitudes: Magnitudes | None = None


class Theory(Part):
    """Bias and variance, in LSB and LSB squared."""

    bias: Number | None
    variance: Number | None


class Bins(Part):
    """A histogram of errors in LSB: width of a bin, lower end of the first, words in each."""

    width: Annotated[float, Field(gt=0, le=LARGEST)]
    first: Number
    counts: Annotated[list[Count], Field(max_length=8192)]


class Deviation(Part):
    """Errors of a layer's outputs against the golden model's, in LSB."""

    layer: Count
    format: AFormat
    words: Count
    bias: Number
    variance: Number
    theory: Theory
    bins: Bins


class Dropped(Deviation):
    """What a stage's rounding dropped, in LSB."""

    stage: str
    mode: str
    dropped: Annotated[int, Field(ge=0, le=4096)]


class CurveFigures(Part):
    """Errors of a curve over all codes."""

    maximum_lsb: Number | None
    mean_lsb: Number | None
    maximum_at: Integer
    correctly_rounded: Number
    rounded_lsb: Count
    monotone: bool


class CurveSamples(Part):
    """Outputs at some codes; least and greatest error, in LSB, from each to the next."""

    codes: list[Integer]
    outputs: list[Integer]
    exact: list[Number | None] | None
    least: list[Number | None] | None
    most: list[Number | None] | None


class CurveDrawn(Part):
    """A curve, and the layers that have it."""

    layers: list[Count]
    name: str
    function: str | None
    input: AFormat
    output: str
    segments: Count
    mirrored: bool
    breakpoints: list[Integer]
    errors: CurveFigures | None
    samples: CurveSamples


class Word(Part):
    """A word that differs: a code with its value, or a count."""

    code: Integer | None = None
    count: Count | None = None


class SeenWord(Part):
    """A word seen around a divergence."""

    cycle: Count
    stage: str
    sample: Integer
    neuron: Integer
    expected: str | None
    actual: str


class FirstDivergence(Part):
    """The first word that is not as expected."""

    kind: str
    session: Count
    sample: Integer
    layer: Integer
    neuron: Integer
    stage: str
    format: AFormat | None
    cycle: Count | None
    expected: Word | None
    actual: Word | None
    inputs: list[Integer]
    input_format: AFormat
    around: Annotated[list[SeenWord], Field(max_length=256)] = []

    @model_validator(mode="after")
    def _whole(self) -> Self:
        str(self.restored())
        return self

    def restored(self) -> Divergence:
        """Return the divergence that was stored."""
        expected, actual = (
            None if word is None else word.count if self.format is None else word.code
            for word in (self.expected, self.actual)
        )
        return Divergence(
            self.kind,
            self.sample,
            self.layer,
            self.neuron,
            self.stage,
            self.format,
            self.cycle,
            expected,
            actual,
            tuple(self.inputs),
            self.input_format,
            self.session,
            tuple(Seen(**word.model_dump()) for word in self.around),
        )


class Errors(Part):
    """Fixed against golden model."""

    maximum: Number | None
    mean: Number | None
    maximum_lsb: Number | None
    mean_lsb: Number | None
    sqnr: Number | None


class DataSet(Part):
    """Data that were asked."""

    name: str
    digest: str
    part: str


class Verified(Part):
    """What all verifications have."""

    seed: Count
    compared: Count
    differing: Count
    missing: Count
    extra: Count
    stalled_at: Count | None
    first_divergence: FirstDivergence | None
    cycles_per_query: Count | None
    initiation_interval: Number | None
    errors: Errors | None
    config: dict[str, Any]
    design: str
    machine: dict[str, Any]
    versions: dict[str, str]
    network: str | None
    data: DataSet | None
    layers: list[Count]
    tensors: list[Tensor]
    rounding: list[Dropped]
    deviations: list[Deviation]
    curves: list[CurveDrawn]


class Loss(Part):
    """Words that rounding changed, and words that did not fit."""

    inexact: Count
    overflowed: Count


class StageLoss(Part):
    """Losses of a stage, in queries and in directed vectors."""

    layer: Count
    stage: str
    queries: Loss
    directed: Loss


class Answer(Part):
    """A model's answer to a query."""

    outputs: list[Number | None]
    oops: bool


class Query(Part):
    """A query, and what each model says."""

    inputs: list[Number | None]
    golden: Answer | None
    fixed: Answer | None
    rtl: Answer | None


class Visited(Part):
    """How much of a target was visited."""

    visited: Count
    there: Count


class QueriesResult(Verified):
    """``bittrue verify``: queries and directed vectors."""

    schema_name: Literal["bittrue.verify/1"] = Field(alias="schema")
    queries: list[Query]
    losses: list[StageLoss]
    coverage: dict[str, Visited]


class WholeLoss(Loss):
    """Losses of a stage on a data set."""

    layer: Count
    stage: str


class Disagreement(Part):
    """A sample that golden and fixed model answer differently."""

    sample: Count
    label: Count
    golden: Count
    fixed: Count


class WholeResult(Verified):
    """``bittrue verify --data``: a whole data set."""

    schema_name: Literal["bittrue.verify-data/1"] = Field(alias="schema")
    samples: Count
    accuracy: dict[str, Number]
    confusion: dict[str, Matrix]
    agreement: Number | None
    disagreements: list[Disagreement]
    losses: list[WholeLoss]
    engine: str


class QuantizeResult(Part):
    """``bittrue quantize``."""

    schema_name: Literal["bittrue.quantize/1"] = Field(alias="schema")
    tensors: list[Tensor]
    config: dict[str, Any]
    design: str
    versions: dict[str, str]
