"""Peak memory of a prediction on a million rows, beyond its input and its output."""

import subprocess
import sys

import numpy as np
from networks import network

from bittrue.model.fixed import FixedNetwork

ROWS = 1_000_000


def measured() -> float:
    """Return the peak of predict on a million digits rows beyond input and output, in MiB.

    Measured in a process of its own, as growth of its high-water mark.
    """
    done = subprocess.run(
        [sys.executable, __file__],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return float(done.stdout)


def high_water() -> float:
    """Return the most memory that this process ever held, in MiB."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Predict, and print the growth."""
    digits = network((64, 32, 10), 8, 1, batch=1000)
    fixed = FixedNetwork(digits.design)
    fixed.predict(digits.codes)
    codes = np.resize(digits.codes, (ROWS, 64))
    before = high_water()
    outputs = fixed.predict(codes)
    print(high_water() - before - outputs.nbytes / 2**20)


if __name__ == "__main__":
    main()
