"""The networks and the data that are timed: sizes of the book's test bench, of digits, of MNIST."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bittrue.model.design import Design
from bittrue.model.formats import encode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.quantize import quantize

SEED = 0
BATCH = 10_000
FORMAT = "fxp-s16/12"


@dataclass(frozen=True)
class Network:
    """One network of drawn weights, and a batch of drawn inputs in [0.01, 1).

    Members
    -------
    name : str
        Its sizes.
    golden : GoldenNetwork
        In float64.
    design : Design
        In 16-bit words, the curve PLAN.
    values : ndarray of float64, shape (samples, inputs)
        Inputs.
    codes : ndarray of int64, shape (samples, inputs)
        The same, encoded.
    pe : int
        Lanes of the hardware that is simulated.
    simulated : int
        Samples that a simulator is timed on.
    """

    name: str
    golden: GoldenNetwork
    design: Design
    values: npt.NDArray[np.float64]
    codes: npt.NDArray[np.int64]
    pe: int
    simulated: int


def network(sizes: tuple[int, int, int], pe: int, simulated: int, batch: int = BATCH) -> Network:
    """Return a network of three layers' sizes with drawn weights and inputs."""
    golden = GoldenNetwork(*sizes, 0.1, rng=SEED)
    design = quantize(golden, format=FORMAT)
    values = np.random.default_rng(SEED + 1).uniform(0.01, 1.0, (batch, sizes[0]))
    type = design.shape.input
    codes = encode(values, type.format, type.rounding, type.overflow)
    name = "-".join(map(str, sizes))
    return Network(name, golden, design, values, codes, pe, simulated)


def networks(batch: int = BATCH) -> list[Network]:
    """Return the three networks."""
    return [
        network((3, 3, 3), 1, 10_000, batch),
        network((64, 32, 10), 8, 2_000, batch),
        network((784, 200, 10), 16, 64, batch),
    ]
