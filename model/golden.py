"""The golden model: a float64 network that is asked and taught.

After Tariq Rashid, *Make Your Own Neural Network* (2016): three methods, initialise, query and
train; stochastic gradient descent on the squared error. The book's network has one hidden layer, no
biases and sigmoids; more layers, biases and other activations follow the same rules.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .activations import Activation, activation_named
from .exceptions import BittrueError
from .formats import Values

Rng = int | np.random.Generator | None

RULES = ("book", "gradient")
"""How errors are carried back, see `GoldenNetwork`."""


class GoldenNetwork:
    """A network of dense layers in float64.

    Parameters
    ----------
    input_nodes : int
        Inputs, at least 1.
    hidden_nodes : int or sequence of int
        Size of the hidden layer, or of each, first to last; there may be none.
    output_nodes : int
        Outputs, at least 1.
    learning_rate : float
        Step of the gradient descent.
    rng : int, Generator or None
        Where the first weights are drawn from: normal, mean 0, standard deviation
        1/sqrt(inputs of the layer); first layer first.
    activation : str, Activation or sequence
        Of all layers, or one a layer; names are those of `bittrue.model.activations`.
    biases : bool
        Whether layers have biases, which start at zero.
    rule : {"book", "gradient"}
        How errors are carried back: the book carries each output's difference from its target as
        it is; the gradient of the squared error carries it times the activation's slope.

    Attributes
    ----------
    weights : list of ndarray of float64
        One array a layer, shape (outputs, inputs); assignable.
    biases : list of ndarray of float64, or None
        One array a layer, shape (outputs,); assignable; None for a network without.

    Raises
    ------
    BittrueError
        If a size is below 1, the learning rate is not finite, or there is no such activation.
    """

    def __init__(
        self,
        input_nodes: int,
        hidden_nodes: int | Sequence[int],
        output_nodes: int,
        learning_rate: float,
        rng: Rng = None,
        *,
        activation: str | Activation | Sequence[str | Activation] = "sigmoid",
        biases: bool = False,
        rule: str = "book",
    ) -> None:
        hidden = hidden_nodes if isinstance(hidden_nodes, Sequence) else (hidden_nodes,)
        self.sizes = (input_nodes, *hidden, output_nodes)
        for size in self.sizes:
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise BittrueError(f"node counts must be integers of at least 1, got {size!r}")
        if not np.isfinite(learning_rate):
            raise BittrueError(f"the learning rate must be finite, got {learning_rate}")
        if rule not in RULES:
            raise BittrueError(f"the rule must be one of {', '.join(RULES)}, got {rule!r}")
        self.learning_rate, self.rule = float(learning_rate), rule
        self.activations = _one_a_layer(activation, len(self.sizes) - 1)
        generator = np.random.default_rng(rng)
        self._weights: list[Values] = [
            generator.normal(0.0, shape[1] ** -0.5, shape) for shape in self.shapes
        ]
        self._biases = [np.zeros(size) for size in self.sizes[1:]] if biases else None

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shape of each layer's weights: (outputs, inputs)."""
        return [(b, a) for a, b in zip(self.sizes, self.sizes[1:], strict=False)]

    @property
    def weights(self) -> list[Values]:
        """The weights, one array a layer, shape (outputs, inputs)."""
        return self._weights

    @weights.setter
    def weights(self, arrays: Sequence[npt.ArrayLike]) -> None:
        self._weights = _checked("weights", arrays, self.shapes)

    @property
    def biases(self) -> list[Values] | None:
        """The biases, one array a layer, shape (outputs,), or None."""
        return self._biases

    @biases.setter
    def biases(self, arrays: Sequence[npt.ArrayLike] | None) -> None:
        shapes = [(size,) for size in self.sizes[1:]]
        self._biases = None if arrays is None else _checked("biases", arrays, shapes)

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

    def predict(self, inputs: npt.ArrayLike) -> Values:
        """Return the outputs for a batch.

        Parameters
        ----------
        inputs : array_like of float, shape (samples, inputs)
            Finite values.

        Returns
        -------
        ndarray of float64, shape (samples, outputs)
        """
        return self._forward(_batch(inputs, self.sizes[0], "inputs"))[1][-1]

    def train(self, inputs: npt.ArrayLike, targets: npt.ArrayLike) -> None:
        """Take one step of gradient descent on one sample.

        Errors are carried back through the weights as they were before the step.

        Parameters
        ----------
        inputs, targets : array_like of float, shapes (inputs,) and (outputs,)
            Finite values.

        Raises
        ------
        BittrueError
            If a shape is another, a value is not finite, or an activation has no slope.
        """
        self._step(
            _vector(inputs, self.sizes[0], "inputs")[None],
            _vector(targets, self.sizes[-1], "targets")[None],
        )

    def train_batch(self, inputs: npt.ArrayLike, targets: npt.ArrayLike) -> None:
        """Take one step of gradient descent on the mean over a batch.

        Parameters
        ----------
        inputs, targets : array_like of float, shapes (samples, inputs) and (samples, outputs)
            Finite values, at least one sample.

        Raises
        ------
        BittrueError
            If a shape is another, a value is not finite, or an activation has no slope.
        """
        rows = _batch(inputs, self.sizes[0], "inputs")
        wanted = _batch(targets, self.sizes[-1], "targets")
        if not len(rows) or len(rows) != len(wanted):
            raise BittrueError(
                f"a batch must have as many targets as inputs, and at least one, got "
                f"{len(wanted)} and {len(rows)}"
            )
        self._step(rows, wanted)

    def signals(self, inputs: npt.ArrayLike) -> list[Values]:
        """Return the inputs, then the outputs of each layer, for one sample."""
        vector = _vector(inputs, self.sizes[0], "inputs")
        return [signal[0] for signal in self._forward(vector[None])[1]]

    def preactivations(self, inputs: npt.ArrayLike) -> list[Values]:
        """Return the pre-activations of each layer for a batch, shapes (samples, outputs)."""
        return self._forward(_batch(inputs, self.sizes[0], "inputs"))[0]

    def _forward(self, batch: Values) -> tuple[list[Values], list[Values]]:
        """Return each layer's pre-activations; and the inputs, then each layer's outputs."""
        sums: list[Values] = []
        signals = [batch]
        for layer, weights in enumerate(self._weights):
            total = signals[-1] @ weights.T
            if self._biases is not None:
                total += self._biases[layer]
            sums.append(total)
            signals.append(self.activations[layer].value(total))
        return sums, signals

    def _step(self, batch: Values, targets: Values) -> None:
        sums, signals = self._forward(batch)
        errors = targets - signals[-1]
        for layer in reversed(range(len(self._weights))):
            activation = self.activations[layer]
            if activation.slope is None:
                raise BittrueError(
                    f"a layer that is trained must have an activation with a slope, got "
                    f"{activation.name} in layer {layer}"
                )
            steps = errors * activation.slope(sums[layer], signals[layer + 1])
            carried = errors if self.rule == "book" else steps
            errors = carried @ self._weights[layer] if layer else carried
            rate = self.learning_rate / len(batch)
            self._weights[layer] += (rate * steps).T @ signals[layer]
            if self._biases is not None:
                self._biases[layer] += rate * steps.sum(axis=0)


def _one_a_layer(
    given: str | Activation | Sequence[str | Activation], layers: int
) -> tuple[Activation, ...]:
    if isinstance(given, str | Activation):
        return (activation_named(given),) * layers
    if len(given) != layers:
        raise BittrueError(f"activations must be one or {layers}, one a layer, got {len(given)}")
    return tuple(activation_named(item) for item in given)


def _checked(
    name: str, arrays: Sequence[npt.ArrayLike], shapes: Sequence[tuple[int, ...]]
) -> list[Values]:
    given = [np.array(array, dtype=np.float64) for array in arrays]
    if [array.shape for array in given] != list(shapes):
        raise BittrueError(
            f"{name} must have shapes {list(shapes)}, got {[array.shape for array in given]}"
        )
    for array in given:
        if not np.isfinite(array).all():
            raise BittrueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")
    return given


def _vector(values: npt.ArrayLike, size: int, name: str) -> Values:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (size,):
        raise BittrueError(f"{name} must be a vector of {size} values, got shape {array.shape}")
    return _finite(array, name)


def _batch(values: npt.ArrayLike, size: int, name: str) -> Values:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != size:
        raise BittrueError(f"{name} must have shape (samples, {size}), got {array.shape}")
    return _finite(array, name)


def _finite(array: Values, name: str) -> Values:
    if not np.isfinite(array).all():
        raise BittrueError(f"{name} must be finite, got {array[~np.isfinite(array)].flat[0]}")
    return array
