"""A curve of your own on data of your own: softsign, x / (1 + |x|), which needs no exponential.

    python examples/own_curve.py

569 real tumours, 30 measurements each, which scikit-learn ships (the Wisconsin breast cancer data);
`pip install "bittrue[data]"`. The network has one output: above 0 is benign. A function that
bittrue does not know is given as a function; its table of lines is fitted on codes, and the rest is
as for any other.
"""

import sys

import numpy as np
from sklearn.datasets import load_breast_cancer

from bittrue import FixedNetwork, GoldenNetwork, quantize, verify
from bittrue.model.activations import Activation
from bittrue.model.curve_errors import errors_of
from bittrue.model.formats import encode

SOFTSIGN = Activation(
    "softsign",
    value=lambda z: z / (1 + np.abs(z)),
    slope=lambda z, y: (1 - np.abs(y)) ** 2,
)


def main() -> None:
    """Run the example."""
    inputs, benign = load_breast_cancer(return_X_y=True)
    inputs = inputs / inputs.max(axis=0)
    order = np.random.default_rng(0).permutation(len(inputs))
    training, held_out = order[:400], order[400:]

    golden = GoldenNetwork(30, 8, 1, 0.05, rng=0, activation=SOFTSIGN, biases=True)
    for _ in range(60):
        for sample in training:
            golden.train(inputs[sample], [0.8 if benign[sample] else -0.8])
    answers = golden.predict(inputs[held_out])[:, 0] > 0
    print(f"float64: {(answers == benign[held_out]).mean():.1%} of {len(held_out)} tumours")

    for segments in (2, 4, 8):
        design = quantize(golden, format="fxp-s12/8", curve="fit", segments=segments)
        errors = errors_of(design.shape.layers[0].curve, SOFTSIGN.value)
        stage = design.shape.input
        codes = encode(inputs[held_out], stage.format, stage.rounding, stage.overflow)
        answers = FixedNetwork(design).predict(codes)[:, 0] > 0
        right = (answers == benign[held_out]).mean()
        print(f"{segments} lines, at most {errors.maximum:.4f} off: {right:.1%}")

    result = verify(design, golden, seed=0, pe=(4, 1), simd=5)
    print(f"gates: {result.compared} words compared, {result.differing} differ")
    if not result.passed:
        sys.exit(1)


if __name__ == "__main__":
    main()
