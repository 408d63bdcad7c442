"""The network of a sweep: read from a file, or trained once and kept in the store."""

from pathlib import Path
from typing import Any

import numpy as np

import bittrue
from bittrue.model.files import digest_of
from bittrue.model.golden import GoldenNetwork
from bittrue.model.golden_file import golden_content, golden_from
from bittrue.model.training import Samples, train_epochs

from .console import progress
from .data import Data, check_width, split
from .designs import read_network
from .store import Store

TRAINED = {"learning_rate": 0.1, "epochs": 40, "seed": 0}
"""How a network is trained where a space does not say."""


def golden_of(
    network: dict[str, Any], data: Data, store: Store, shown: bool
) -> tuple[GoldenNetwork, int | None]:
    """Return the golden network of a space, and how many samples were held out of its training."""
    if "file" in network:
        saved = read_network(Path(network["file"]))
        check_width(data, saved.golden.sizes[0], saved.golden.sizes[-1])
        return saved.golden, saved.held_out_of(data)
    recipe = {**TRAINED, **network}
    check_width(data, recipe["layers"][0], recipe["layers"][-1])
    held_out = recipe.get("held_out")
    digest = digest_of([recipe, data.digest, bittrue.__version__])
    if store.network(digest) is None:
        golden = _trained(recipe, split(data, held_out)[0], shown)
        store.add_network(digest, golden_content(golden))
    # another coordinator may have been first: its weights count
    return kept_network(store.network(digest) or b""), held_out


def _trained(recipe: dict[str, Any], training: Data, shown: bool) -> GoldenNetwork:
    sizes = recipe["layers"]
    weights_rng, order_rng = np.random.default_rng(recipe["seed"]).spawn(2)
    golden = GoldenNetwork(
        sizes[0],
        sizes[1:-1],
        sizes[-1],
        recipe["learning_rate"],
        weights_rng,
        activation=recipe.get("activation", "sigmoid"),
        biases=recipe.get("biases", False),
        rule=recipe.get("rule", "book"),
    )
    samples = Samples(training.inputs, training.targets(sizes[-1]), training.labels)
    with progress("training", shown=shown) as told:
        train_epochs(
            golden,
            samples,
            epochs=recipe["epochs"],
            rng=order_rng,
            progress=lambda done, total, last: told(done, total),
        )
    return golden


def kept_network(content: bytes) -> GoldenNetwork:
    """Return the network that a store keeps as a file."""
    return golden_from(content, "the network in the store")
