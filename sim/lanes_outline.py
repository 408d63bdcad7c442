"""Large blocks of the generated function made functions of their own.

A C compiler's register allocation takes far more than twice as long for twice the function. What
a block shares with what is before it, scalars and arrays of lanes, becomes its arguments.
"""

import re
from collections.abc import Iterator, Sequence

LEAST_LINES = 20
"""Lines from which on a block is worth a call."""

_SCALAR = re.compile(r"const (\w+) (\w+) = ")
_ARRAY = re.compile(r"(\w+) (\w+)\[LANES\] WIDE;")
_NAME = re.compile(r"(?<![.>\w])[A-Za-z_]\w*")


def outlined(body: Sequence[str]) -> tuple[list[str], list[str]]:
    """Move large blocks of a function's body out of it.

    Parameters
    ----------
    body : sequence of str
        Lines of C that read and write ``m``, arrays of lanes, and scalars that are ``const``.

    Returns
    -------
    functions : list of str
        Lines of the new functions.
    body : list of str
        The body, with calls.
    """
    functions: list[str] = []
    kept: list[str] = []
    known: dict[str, str] = {}
    for piece in _pieces(body):
        if len(piece) < LEAST_LINES:
            kept += piece
            if scalar := _SCALAR.match(piece[0].strip()):
                known[scalar[2]] = f"{scalar[1]} {scalar[2]}"
            if array := _ARRAY.match(piece[0].strip()):
                known[array[2]] = f"{array[1]} *restrict {array[2]}"
            continue
        used = sorted({name for line in piece for name in _NAME.findall(line)} & known.keys())
        name = f"part_{len(kept)}"
        parameters = ", ".join(["model *restrict m", *(known[n] for n in used)])
        functions += [f"static __attribute__((noinline)) void {name}({parameters})", "{"]
        functions += [*(f"    {line}" for line in piece), "}", ""]
        kept.append(f"{name}({', '.join(['m', *used])});")
    return functions, kept


def _pieces(body: Sequence[str]) -> Iterator[list[str]]:
    """Yield single lines, and blocks from their opening to their closing brace."""
    piece: list[str] = []
    depth = 0
    for line in body:
        piece.append(line)
        depth += line.count("{") - line.count("}")
        if depth == 0:
            yield piece
            piece = []
