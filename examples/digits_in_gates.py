"""Handwritten digits in gates: train, choose formats, hold all three models together, keep Verilog.

    python examples/digits_in_gates.py [FOLDER]

1,797 real digits of 8 × 8 pixels, which scikit-learn ships; `pip install "bittrue[data]"`. Writes
network.v and design.json to the folder, the current one by default.
"""

import sys
from pathlib import Path

from bittrue import GoldenNetwork, Machine, Network, quantize, to_verilog
from bittrue.flow.data import load, split
from bittrue.model.ranges import choose_config
from bittrue.model.training import Samples, train_epochs
from bittrue.sim.whole import verify_whole

SIZES, SEED, BITS, PE = (64, 24, 10), 0, 8, 8


def main(folder: Path) -> None:
    """Run the example."""
    training, held_out = split(load("digits"), seed=SEED)
    golden = GoldenNetwork(SIZES[0], SIZES[1:-1], SIZES[-1], 0.2, rng=SEED)
    samples = Samples(training.inputs, training.targets(), training.labels)
    train_epochs(golden, samples, epochs=15, rng=SEED)

    config = choose_config(golden, BITS, inputs=training.inputs)
    design = quantize(golden, config)
    for number, layer in enumerate(design.shape.layers):
        print(f"layer {number}: weights {layer.weight.format}, sums {layer.accumulator}")

    result = verify_whole(design, golden, held_out.inputs, held_out.labels, pe=PE)
    for model in result.models:
        print(f"{model:6} {result.accuracy(model):.1%} of {len(held_out.labels)} held-out digits")
    print(f"{result.timing.latency} cycles a digit, {result.engine}:", end=" ")
    print(f"{result.compared} words compared, {result.differing} differ")

    design.save(folder / "design.json")
    verilog = to_verilog(Network(Machine(design.shape, pe=PE)), "network")
    (folder / "network.v").write_text(verilog, encoding="utf-8")
    if not result.passed:
        sys.exit(1)


if __name__ == "__main__":
    main(Path(*sys.argv[1:2]))
