"""Peers, timed on the same networks and batches in an environment made for it and thrown away."""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np
import predict
from networks import Network

PACKAGES = ("hls4ml==1.3.0", "apytypes==0.5.1", "h5py>=3")
WORKER = Path(__file__).parent / "peer_worker.py"
SAMPLES = {"3-3-3": 10_000, "64-32-10": 4_000, "784-200-10": 1_000}
"""Samples that peers are timed on: they are slow."""


def measured(networks: list[Network]) -> dict[str, dict[str, Any]]:
    """Return, for each peer, its version and by network's name how much slower it is than we are.

    We are timed on the whole batch right after each peer.
    """
    with tempfile.TemporaryDirectory(prefix="bittrue-peers-") as folder:
        home = Path(folder)
        print(f"installing {', '.join(PACKAGES)} for this run", file=sys.stderr)
        venv.create(home / "env", with_pip=True)
        python = str(home / "env" / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", "--no-input", *PACKAGES]
        subprocess.run(install, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        found: dict[str, dict[str, Any]] = {}
        for network in networks:
            _hand_over(network, home / f"{network.name}.npz")
            print(f"timing peers on {network.name}", file=sys.stderr)
            done = subprocess.run(
                [python, str(WORKER), network.name],
                cwd=home,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
            )
            ours = predict.measured(network).fixed / len(network.codes)
            for peer, (version, seconds) in json.loads(done.stdout.splitlines()[-1]).items():
                found.setdefault(peer, {"version": version})[network.name] = seconds / ours
    return found


def _hand_over(network: Network, file: Path) -> None:
    samples = SAMPLES[network.name]
    weights = {f"weights_{n}": w for n, w in enumerate(network.design.weights.weights)}
    curve = network.design.shape.layers[0].curve
    np.savez(
        file,
        values=network.values[:samples],
        codes=network.codes[:samples],
        table=curve.evaluate(curve.input.codes()),
        **weights,
    )
