"""Networks as ONNX: in floats, and in fixed point where the file says its formats."""

import os
from pathlib import Path

import numpy as np

from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError

from .fixed_layers import fixed_design
from .imported import Imported
from .onnx_file import read_model_file
from .onnx_graph import Walk
from .onnx_layers import Folding


def read_onnx(path: str | os.PathLike[str]) -> Imported:
    """Read a network of dense layers from ONNX, QONNX or ONNX with quantizing pairs.

    Parameters
    ----------
    path : path
        Of the file. Data beside it must lie in its folder.

    Returns
    -------
    Imported
        In floats; in fixed point too, where inputs, weights and what follows them are quantized.

    Raises
    ------
    BittrueError
        If the file is too large or damaged, of a version that is not known, holds a node that is
        not accepted, or a scale that is no power of two; the message names it.
    ToolMissing
        If the package ``onnx`` is not installed.
    """
    model = read_model_file(path)
    # what is not finite is found where it would become a weight
    with np.errstate(all="ignore"):
        walk = Walk(model, path)
        signal = walk.signal()
        folded = Folding(signal.steps, Path(path).name)
        golden = folded.golden()
    notes = list(folded.notes)
    if walk.constant:
        first, *others = walk.constant
        more = f" and {len(others)} more" if others else ""
        notes.append(f"the output {first!r}{more} was left out: the file holds what it is")
    design = None
    if folded.quantized:
        design, said = _fixed(folded)
        notes.append(said)
    tail = signal.tail
    if tail == "classes":
        notes.append("what makes two classes of the one output was left out")
        tail = None
    elif tail is not None:
        notes.append(f"{tail} behind the last layer was left out")
    return Imported(golden, design, tail, tuple(notes))


def _fixed(folded: Folding) -> tuple[Design | None, str]:
    """Return the design, and what is to be said of it."""
    try:
        if folded.unfixed:
            raise BittrueError(folded.unfixed)
        design = fixed_design(folded.layers, folded.input)
    except BittrueError as error:
        return None, f"the file's formats were left out: {error}"
    return design, "formats are the file's; the network in floats leaves them out"
