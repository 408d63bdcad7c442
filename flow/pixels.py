"""Pixels and labels, and what pixels become before a network sees them."""

import numpy as np
import numpy.typing as npt

from bittrue.model.formats import Values

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]

HIGHEST_PIXEL = 255
HIGHEST_LABEL = 999


def scaled(pixels: Pixels, full: int = HIGHEST_PIXEL) -> Values:
    """Return pixels 0 to ``full`` as inputs 0.01 to 1: v / full · 0.99 + 0.01, so that none is 0.

    Parameters
    ----------
    pixels : uint8, (samples, pixels)
        The pixels.
    full : int
        The pixel that becomes 1.

    Returns
    -------
    float64, (samples, pixels)
        The inputs.
    """
    values = pixels.astype(np.float64)
    values /= full
    values *= 0.99
    values += 0.01
    return values
