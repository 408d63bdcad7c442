"""Registers in a row."""

from collections.abc import Mapping

from amaranth.hdl import Module, Shape, ShapeCastable, Signal, Value, ValueLike

APART = {"keep": 1}
"""Attributes of registers that synthesis must not merge with others that hold the same.

Each then drives, and lies beside, what it is for alone.
"""


def delayed(
    m: Module,
    value: ValueLike,
    stages: int,
    *,
    name: str,
    en: ValueLike = 1,
    reset_less: bool = True,
    shape: Shape | ShapeCastable | None = None,
    attrs: Mapping[str, int] | None = None,
) -> Signal:
    """Return ``value`` as it was ``stages`` enabled cycles ago.

    Parameters
    ----------
    m : Module
        Where the registers go.
    value : ValueLike
        What is delayed; control needs ``reset_less=False``.
    stages : int
        Registers, at least one.
    name : str
        Name of the registers; the stage is put behind it.
    en : ValueLike
        Clock enable of all of them.
    reset_less : bool
        Leave the registers out of the reset.
    shape : Shape or ShapeCastable, optional
        Shape of the result where it is not the value's own.
    attrs : mapping, optional
        Attributes of the registers, as `APART`.
    """
    for stage in range(stages):
        shape_of_stage = value.shape() if shape is None else shape
        held = Signal(
            shape_of_stage, name=f"{name}_{stage + 1}", reset_less=reset_less, attrs=attrs
        )
        with m.If(en):
            m.d.sync += held.eq(value)
        value = held
    return value


class Lockstep:
    """Values that move through registers together, read by name.

    Parameters
    ----------
    m : Module
        Where the registers go.
    valid : Value
        Tells whether the values mean something; the only one of them with a reset.
    **values : Value
        The first of them.
    """

    def __init__(self, m: Module, valid: Value, **values: Value) -> None:
        self._m, self._stage = m, 0
        self.valid = valid
        self._values = dict(values)

    def __getattr__(self, name: str) -> Value:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"there is no value {name} at this stage") from None

    def set(self, **values: Value) -> None:
        """Name more values, or name some anew, in this same cycle."""
        self._values |= values

    def step(self, **values: Value) -> None:
        """Put a register behind everything, once the values given are named."""
        self.set(**values)
        self._stage += 1
        self.valid = delayed(self._m, self.valid, 1, name=f"valid_{self._stage}", reset_less=False)
        self._values = {
            # Verilog knows no register of no bits
            name: delayed(self._m, value, 1, name=f"{name}_{self._stage}") if len(value) else value
            for name, value in self._values.items()
        }
