"""The choices behind a quantized network, resolved once and kept with every result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from .exceptions import BittrueError
from .formats import FixedType, Overflow, Rounding

Types = FixedType | tuple[FixedType, ...]

DEFAULT_TYPE = FixedType.parse("fxp-s16/12")
TYPE_FIELDS = ("input_type", "weight_type", "bias_type", "preactivation_type", "output_type")
STAGE_FIELDS = ("preactivation_type", "output_type")
"""Types of what is computed; the others are types of what is encoded."""


@dataclass(frozen=True)
class LayerConfig:
    """The choices of one layer; see `Config`."""

    weight_type: FixedType
    bias_type: FixedType
    preactivation_type: FixedType
    output_type: FixedType
    curve: str | None
    segments: int | None
    tolerance: float | None


@dataclass(frozen=True)
class Config:
    """How a golden network becomes a design; each choice one value, or a tuple of one a layer.

    Members
    -------
    input_type : FixedType
        Of the network's inputs.
    weight_type, bias_type, preactivation_type, output_type : FixedType
        Of the stages of a layer.
    curve : str or None
        A name in `bittrue.model.makers.MAKERS`; None for the usual one of the golden layer's
        activation, such as PLAN for the sigmoid.
    segments : int or None
        Of the curves that take it.
    tolerance : float or None
        Of the curves that take it: maximum absolute error, in value.
    """

    input_type: FixedType = DEFAULT_TYPE
    weight_type: Types = DEFAULT_TYPE
    bias_type: Types = DEFAULT_TYPE
    preactivation_type: Types = DEFAULT_TYPE
    output_type: Types = DEFAULT_TYPE
    curve: str | tuple[str | None, ...] | None = None
    segments: int | tuple[int | None, ...] | None = None
    tolerance: float | tuple[float | None, ...] | None = None

    @classmethod
    def of(
        cls,
        *,
        format: str | FixedType | None = None,
        rounding: str | Rounding | None = None,
        overflow: str | Overflow | None = None,
        **choices: Any,
    ) -> "Config":
        """Return a configuration from choices as people write them.

        Parameters
        ----------
        format : str or FixedType, optional
            For all types. Modes in it count as ``rounding`` and ``overflow`` below.
        rounding, overflow : str or mode, optional
            Of pre-activations and outputs. What is encoded (inputs, weights, biases) takes
            RND_CONV and SAT unless its own type says otherwise.
        **choices
            Fields of the class; types also as text.

        Raises
        ------
        BittrueError
            If a choice is unknown or cannot be read.
        """
        known = [field.name for field in fields(cls)]
        for name in choices:
            if name not in known:
                raise BittrueError(f"a choice must be one of {', '.join(known)}, got {name!r}")
        common = _type(format, None, None) if format is not None else DEFAULT_TYPE
        modes = (
            common.rounding if rounding is None else Rounding.parse(str(_text(rounding))),
            common.overflow if overflow is None else Overflow.parse(str(_text(overflow))),
        )
        resolved: dict[str, Any] = {k: v for k, v in choices.items() if v is not None}
        for name in TYPE_FIELDS:
            stage = FixedType(common.format, *modes) if name in STAGE_FIELDS else None
            default = stage or FixedType(common.format)
            given = resolved.get(name)
            if isinstance(given, list | tuple):
                resolved[name] = tuple(
                    _type(item, default.rounding, default.overflow) for item in given
                )
            elif given is not None:
                resolved[name] = _type(given, default.rounding, default.overflow)
            else:
                resolved[name] = default
        for name, value in resolved.items():
            if isinstance(value, list):
                resolved[name] = tuple(value)
        return cls(**resolved)

    def layer(self, number: int, layers: int) -> "LayerConfig":
        """Return the choices of one layer.

        Raises
        ------
        BittrueError
            If a choice is given for another number of layers.
        """
        single: dict[str, Any] = {}
        for field in fields(LayerConfig):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                if len(value) != layers:
                    raise BittrueError(
                        f"{field.name} must be one value or {layers}, one a layer, got {len(value)}"
                    )
                value = value[number]
            single[field.name] = value
        return LayerConfig(**single)

    def with_curves(self, curves: Sequence[str]) -> "Config":
        """Return the choices with the curve of each layer named; once, where all are alike."""
        alike = len(set(curves)) == 1
        return replace(self, curve=curves[0] if alike else tuple(curves))

    def to_json(self) -> dict[str, Any]:
        """Return the choices as JSON, types as text."""
        return {field.name: _to_json(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Config":
        """Read what `to_json` wrote, or any mapping of choices as `of` takes them."""
        return cls.of(**dict(mapping))


def _type(
    given: str | FixedType, rounding: Rounding | None, overflow: Overflow | None
) -> FixedType:
    if isinstance(given, FixedType):
        return given
    if not isinstance(given, str):
        raise BittrueError(f"a type must be text like fxp-s16/12,RND_CONV,SAT, got {given!r}")
    return FixedType.parse(
        given, rounding or DEFAULT_TYPE.rounding, overflow or DEFAULT_TYPE.overflow
    )


def _text(mode: str | Rounding | Overflow) -> str:
    return mode if isinstance(mode, str) else mode.value


def _to_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    return str(value) if isinstance(value, FixedType) else value
