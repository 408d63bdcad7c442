"""The golden model: a small float64 network that is asked and taught one sample at a time.

After Tariq Rashid, *Make Your Own Neural Network* (2016): three methods, initialise, query and
train; no biases; stochastic gradient descent on the squared error.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from .exceptions import BittrueError
from .formats import Values

Rng = int | np.random.Generator | None


class GoldenNetwork:
    """A network of two dense layers with the logistic sigmoid, in float64.

    Parameters
    ----------
    input_nodes, hidden_nodes, output_nodes : int
        Sizes, at least 1.
    learning_rate : float
        Step of the gradient descent.
    rng : int, Generator or None
        Where the first weights are drawn from: normal, mean 0, standard deviation
        1/sqrt(inputs of the layer); first layer first.

    Attributes
    ----------
    weights : list of ndarray of float64
        One array a layer, shape (outputs, inputs); assignable.

    Raises
    ------
    BittrueError
        If a size is below 1, or the learning rate is not finite.
    """

    def __init__(
        self,
        input_nodes: int,
        hidden_nodes: int,
        output_nodes: int,
        learning_rate: float,
        rng: Rng = None,
    ) -> None:
        self.sizes = (input_nodes, hidden_nodes, output_nodes)
        for size in self.sizes:
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise BittrueError(f"node counts must be integers of at least 1, got {size!r}")
        if not np.isfinite(learning_rate):
            raise BittrueError(f"the learning rate must be finite, got {learning_rate}")
        self.learning_rate = float(learning_rate)
        generator = np.random.default_rng(rng)
        self._weights: list[Values] = [
            generator.normal(0.0, inputs**-0.5, (outputs, inputs))
            for inputs, outputs in zip(self.sizes, self.sizes[1:], strict=False)
        ]

    @property
    def weights(self) -> list[Values]:
        """The weights, one array a layer, shape (outputs, inputs)."""
        return self._weights

    @weights.setter
    def weights(self, arrays: Sequence[npt.ArrayLike]) -> None:
        shapes = [(b, a) for a, b in zip(self.sizes, self.sizes[1:], strict=False)]
        given = [np.array(array, dtype=np.float64) for array in arrays]
        if [array.shape for array in given] != shapes:
            raise BittrueError(
                f"weights must have shapes {shapes}, got {[array.shape for array in given]}"
            )
        for array in given:
            if not np.isfinite(array).all():
                raise BittrueError(f"weights must be finite, got {array[~np.isfinite(array)][0]}")
        self._weights = given

    def query(self, inputs: npt.ArrayLike) -> Values:
        """Return the outputs for one sample.

        Parameters
        ----------
        inputs : array_like of float, shape (inputs,)
            Finite values.

        Returns
        -------
        ndarray of float64, shape (outputs,)
        """
        return self.signals(inputs)[-1]

    def train(self, inputs: npt.ArrayLike, targets: npt.ArrayLike) -> None:
        """Take one step of gradient descent on one sample.

        Errors are carried back as the book does: through the weights as they were before the step,
        each output's difference from its target as it is, not times the sigmoid's slope.

        Parameters
        ----------
        inputs, targets : array_like of float, shapes (inputs,) and (outputs,)
            Finite values.
        """
        signals = self.signals(inputs)
        errors = _vector(targets, self.sizes[-1], "targets") - signals[-1]
        for layer in reversed(range(len(self._weights))):
            after, before = signals[layer + 1], signals[layer]
            slopes = errors * after * (1.0 - after)
            errors = self._weights[layer].T @ errors
            self._weights[layer] = self._weights[layer] + self.learning_rate * np.outer(
                slopes, before
            )

    def signals(self, inputs: npt.ArrayLike) -> list[Values]:
        """Return the inputs, then the outputs of each layer, for one sample."""
        signals = [_vector(inputs, self.sizes[0], "inputs")]
        for weights in self._weights:
            signals.append(expit(weights @ signals[-1]))
        return signals


def _vector(values: npt.ArrayLike, size: int, name: str) -> Values:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (size,):
        raise BittrueError(f"{name} must be a vector of {size} values, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise BittrueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")
    return array
