"""Registers in a row."""

from amaranth.hdl import Module, Shape, ShapeCastable, Signal, ValueLike


def delayed(
    m: Module,
    value: ValueLike,
    stages: int,
    *,
    name: str,
    en: ValueLike = 1,
    reset_less: bool = True,
    shape: Shape | ShapeCastable | None = None,
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
    """
    for stage in range(stages):
        shape_of_stage = value.shape() if shape is None else shape
        held = Signal(shape_of_stage, name=f"{name}_{stage + 1}", reset_less=reset_less)
        with m.If(en):
            m.d.sync += held.eq(value)
        value = held
    return value
