"""Ranges of what a word's container holds, and constants of C."""

from typing import NamedTuple

from .lanes_netlist import Operand, Part

FULL = {bits: (-(1 << bits - 1), (1 << bits - 1) - 1) for bits in (8, 16, 32, 64)}


class Value(NamedTuple):
    """An expression, and the range of the numbers it can be."""

    text: str
    low: int
    high: int

    def within(self, low: int, high: int) -> bool:
        """Tell whether all numbers lie in a range."""
        return low <= self.low and self.high <= high


def literal(value: int) -> str:
    """Return a constant of C."""
    if value == -(1 << 63):
        return "INT64_MIN"
    if -(1 << 31) < value < 1 << 31:
        return f"({value})" if value < 0 else str(value)
    return f"INT64_C({value})"


def size(operand: Operand) -> int:
    """Return the bits of an operand."""
    return sum(part.total for part in operand)


def piece(operand: Operand, low: int, high: int) -> Operand:
    """Return bits ``low`` to below ``high`` of an operand."""
    found: list[Part] = []
    at = 0
    for part in operand:
        first, last = max(low - at, 0), min(high - at, part.total)
        at += part.total
        if first >= last:
            continue
        if part.node < 0:
            found.append(Part(-1, part.low >> first & (1 << last - first) - 1, last - first))
        elif first >= part.width:
            found.append(Part(part.node, part.low + part.width - 1, 1, last - first - 1))
        else:
            extra = max(last - part.width, 0)
            found.append(Part(part.node, part.low + first, last - extra - first, extra))
    return tuple(found)


def wrapped(value: int, bits: int) -> int:
    """Return a number as a container holds it."""
    half = 1 << bits - 1
    return (value + half) % (2 * half) - half


def signed_range(width: int) -> tuple[int, int]:
    """Return the range of two's complement."""
    return -(1 << width - 1), (1 << width - 1) - 1


def fixed(value: Value, width: int, bits: int, need: str) -> Value:
    """Put right what stands above a width: ``zero``, ``sign`` or nothing (``any``)."""
    mask = (1 << width) - 1
    if need == "zero" and not value.within(0, mask) and width < bits:
        return Value(f"({value.text} & {literal(mask)})", 0, mask)
    if need == "sign" and not value.within(*signed_range(width)):
        if width in FULL:
            return Value(f"((int{bits}_t)(int{width}_t){value.text})", *signed_range(width))
        by = bits - width
        return Value(f"(({value.text} << {by}) >> {by})", *signed_range(width))
    return value


def fitted(text: str, low: int, high: int, bits: int) -> Value:
    """Return a value in its container: outside it, it wraps."""
    if FULL[bits][0] <= low and high <= FULL[bits][1]:
        return Value(text, low, high)
    return Value(text, *FULL[bits])


def masked(condition: str, then: str, other: str, bits: int) -> str:
    """Return a choice, by a condition that all lanes share, that compilers make no branch of."""
    mask = f"(-(int{bits}_t)({condition}))"
    kept = [f"({then} & {mask})"] if then != "0" else []
    kept += [f"({other} & ~{mask})"] if other != "0" else []
    return f"({' | '.join(kept) or '0'})"


def storage(width: int) -> int:
    """Return the bits of the smallest integer type that a memory's words fit."""
    return next(bits for bits in (8, 16, 32, 64) if width <= bits)


def truth(text: str) -> Value:
    """Return a condition as a value."""
    return Value(text, 0, 1)


def spanned(a: Value, b: Value) -> tuple[int, int]:
    """Return the range of a bitwise operation of two values."""
    largest = max(a.high, b.high, ~a.low if a.low < 0 else 0, ~b.low if b.low < 0 else 0)
    top = (1 << largest.bit_length()) - 1
    return (~top if min(a.low, b.low) < 0 else 0), top


def level(width: int, bits: int, low: int, high: int) -> tuple[int, int]:
    """Return the narrowest kind of range for words of a width that holds a range."""
    half = 1 << width - 1
    kinds = [(0, half - 1), (-half, half - 1), (0, 2 * half - 1), (-half, 2 * half - 1)]
    for kind in kinds:
        if kind[0] <= low and high <= kind[1] and kind[1] <= FULL[bits][1]:
            return kind
    return FULL[bits]
