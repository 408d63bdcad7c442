"""Bit-true prediction against float64 BLAS and expit of the same shape, on the same batch."""

import os
import subprocess
import sys
from typing import NamedTuple

import numpy as np
from networks import Network, networks
from scipy.special import expit
from timing import side_by_side

from bittrue.model.build import COMPILER_VARIABLES
from bittrue.model.fixed import FixedNetwork

NOWHERE = dict.fromkeys(COMPILER_VARIABLES.values(), "no-such-compiler")


class Seconds(NamedTuple):
    """Median seconds of a batch."""

    floats: float
    fixed: float


def measured(network: Network) -> Seconds:
    """Return the medians of a network, both timed in turn in each round."""
    weights = [np.ascontiguousarray(array.T) for array in network.golden.weights]

    def floats() -> np.ndarray:
        signal = network.values
        for array in weights:
            signal = expit(signal @ array)
        return signal

    fixed = FixedNetwork(network.design)
    medians = side_by_side({"floats": floats, "fixed": lambda: fixed.predict(network.codes)})
    return Seconds(**medians)


def measured_without_compiler() -> dict[str, Seconds]:
    """Return the same of all networks in a process that finds no compiler."""
    done = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, **NOWHERE},
        capture_output=True,
        check=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    lines = (line.split() for line in done.stdout.splitlines())
    return {name: Seconds(float(floats), float(fixed)) for name, floats, fixed in lines}


def main() -> None:
    """Print name and medians of each network."""
    for network in networks():
        print(network.name, *measured(network))


if __name__ == "__main__":
    main()
