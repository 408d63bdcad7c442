"""One training step by the arithmetic contract, as words, for proofs.

This follows "Training" in docs/arithmetic.md line by line. Like `spec` it reads descriptions only,
and shares nothing with the fixed model or the hardware.
"""

from collections.abc import Sequence
from typing import NamedTuple

from bittrue.model.learning import STOCHASTIC, Derivative, LayerLearning, Learning
from bittrue.model.modes import Rounding
from bittrue.model.shape import Layer, Shape
from bittrue.model.types import FixedType, Format

from .spec import NeuronCodes, Number, Specification, Word
from .terms import Term

TAPS = (16, 15, 13, 4)
"""Bits of the register, counted from 1, the lowest, whose parity comes in at the bottom."""

STEPS = 16
"""Steps of the register from draw to draw."""

CHANCE_BITS = 15
"""Most dropped bits that a draw is added to."""


class Step(NamedTuple):
    """What one training step makes.

    Members
    -------
    words : list of Word
        In the order in which each is computed from those before it. Stages beside those of the
        network: ``error sum``, ``error``, ``derivative``, ``delta``, ``rated delta``, ``draw``,
        ``product n``, ``weight n`` and ``bias``, n being the input.
    weights : list of list of NeuronCodes
        Of each layer, each neuron's, behind the step.
    state : Term or None
        Of the shift register, behind the step.
    """

    words: list[Word]
    weights: list[list[NeuronCodes]]
    state: Term | None


class _Rated(NamedTuple):
    """What changes the weights of a neuron: rate times delta, and what it draws."""

    number: Number
    draw: Term | None


class TrainingSpecification(Specification):
    """The contract of a training step, on the terms of one proof."""

    def step(
        self,
        shape: Shape,
        inputs: Sequence[Term],
        targets: Sequence[Term],
        weights: Sequence[Sequence[NeuronCodes]],
        state: Term | None = None,
    ) -> Step:
        """Return every word of one step.

        Parameters
        ----------
        shape : Shape
            The network, which says how it learns.
        inputs, targets : sequence of Term
            Codes of one sample.
        weights : sequence of sequence of NeuronCodes
            Of each layer, each neuron's, before the step.
        state : Term, optional
            Of the shift register before it, 16 bits, where updates are rounded by chance.
        """
        learning = shape.learning
        if learning is None:
            raise TypeError("a shape that is trained must say how it learns")
        words = self.network(shape, inputs, weights)
        changed: list[list[NeuronCodes]] = []
        exact = self._last_errors(shape, targets, words)
        for number in reversed(range(len(shape.layers))):
            layer, own = shape.layers[number], learning.layers[number]
            errors, deltas = self._deltas(number, layer, own, exact, words)
            carried = (errors, own.error) if learning.rule == "book" else (deltas, own.delta)
            if number:
                exact = self._errors_before(number, layer, weights[number], carried, words)
            before = _codes(words, number - 1, "output") if number else inputs
            neurons = []
            for neuron, delta in enumerate(deltas):
                rated = self._rated(number, neuron, delta, own, learning, words)
                if state is not None:
                    state = self._drawn(state)
                    words.append(Word(number, "draw", neuron, state))
                neurons.append(
                    self._changed(
                        (number, neuron), shape, _Rated(rated, state), before, weights, words
                    )
                )
            changed.insert(0, neurons)
        return Step(words, changed, state)

    def _last_errors(
        self, shape: Shape, targets: Sequence[Term], words: Sequence[Word]
    ) -> list[Number]:
        """Return targets minus outputs, exact."""
        format = shape.layers[-1].output.format
        outputs = _codes(words, len(shape.layers) - 1, "output")
        return [
            self._minus(self.number(t, format), self.number(y, format))
            for t, y in zip(targets, outputs, strict=True)
        ]

    def _deltas(
        self,
        number: int,
        layer: Layer,
        own: LayerLearning,
        exact: Sequence[Number],
        words: list[Word],
    ) -> tuple[list[Term], list[Term]]:
        """Return a layer's errors and deltas."""
        found = [self.requantize(error, own.error) for error in exact]
        words += [Word(number, "error", n, *made) for n, made in enumerate(found)]
        errors = [made.code for made in found]
        derivatives = self._derivatives(number, layer, own, words)
        made = [
            self.requantize(self._times(self.number(error, own.error.format), slope), own.delta)
            for error, slope in zip(errors, derivatives, strict=True)
        ]
        words += [Word(number, "delta", n, *delta) for n, delta in enumerate(made)]
        return errors, [delta.code for delta in made]

    def _derivatives(
        self, number: int, layer: Layer, own: LayerLearning, words: list[Word]
    ) -> list[Number]:
        """Return a layer's derivatives, exact."""
        if own.derivative is Derivative.SLOPE:
            format = layer.curve.slope_format
            slopes = [
                self.number(self.slope(z, layer.curve), format)
                for z in _codes(words, number, "preactivation")
            ]
        else:
            format = layer.output.format
            one = Number(self._terms.const(1 << format.frac, format.frac + 2), format.frac)
            outputs = [self.number(y, format) for y in _codes(words, number, "output")]
            slopes = [self._times(y, self._minus(one, y)) for y in outputs]
        words += [Word(number, "derivative", n, slope.term) for n, slope in enumerate(slopes)]
        return slopes

    def _errors_before(
        self,
        number: int,
        layer: Layer,
        weights: Sequence[NeuronCodes],
        carried: tuple[Sequence[Term], FixedType],
        words: list[Word],
    ) -> list[Number]:
        """Return the sums, by the old weights, of what a layer carries back."""
        codes, format = carried[0], carried[1].format
        # the sum's own format holds every sum, so the cut word stands for the same number
        total = Format.dot(layer.weight.format, format, layer.outputs)
        found = []
        for input in range(layer.inputs):
            products = [
                self.product(neuron.weights[input], layer.weight.format, code, format)
                for neuron, code in zip(weights, codes, strict=True)
            ]
            cut = self._cut(self.total(products), total)
            words.append(Word(number - 1, "error sum", input, cut))
            found.append(self.number(cut, total))
        return found

    def _rated(
        self,
        number: int,
        neuron: int,
        delta: Term,
        own: LayerLearning,
        learning: Learning,
        words: list[Word],
    ) -> Number:
        """Return rate times delta; without the zeros at the rate's end, the same number."""
        rate, frac = learning.rate, learning.rate_format.frac
        while rate % 2 == 0:
            rate, frac = rate // 2, frac - 1
        format = own.delta.format
        product = self._times(
            self.number(delta, format), Number(self._terms.const(rate, rate.bit_length() + 1), frac)
        )
        ends = format.min_code * rate, format.max_code * rate
        smallest = Format.spanning(*ends, product.frac)
        cut = self._cut(product, smallest)
        words.append(Word(number, "rated delta", neuron, cut))
        return self.number(cut, smallest)

    def _changed(
        self,
        place: tuple[int, int],
        shape: Shape,
        rated: _Rated,
        before: Sequence[Term],
        weights: Sequence[Sequence[NeuronCodes]],
        words: list[Word],
    ) -> NeuronCodes:
        """Return a neuron's new weights and bias."""
        number, neuron = place
        layer, old = shape.layers[number], weights[number][neuron]
        learning = shape.learning
        if learning is None:
            raise TypeError("a shape that is trained must say how it learns")
        own = learning.layers[number]
        frac = own.delta.format.frac + learning.rate_format.frac
        new = []
        for n, (weight, input) in enumerate(zip(old.weights, before, strict=True)):
            product = self._times(rated.number, self.number(input, layer.input.format))
            words.append(Word(number, f"product {n}", neuron, product.term))
            drop = frac + layer.input.format.frac - layer.weight.format.frac
            change = self._change(product, drop, layer.weight, learning, rated.draw)
            new.append(self._added(weight, change, layer.weight))
        words += [Word(number, f"weight {n}", neuron, code) for n, code in enumerate(new)]
        bias = None
        if layer.bias is not None and old.bias is not None:
            drop = frac - layer.bias.format.frac
            change = self._change(rated.number, drop, layer.bias, learning, rated.draw)
            bias = self._added(old.bias, change, layer.bias)
            words.append(Word(number, "bias", neuron, bias))
        return NeuronCodes(new, bias)

    def _change(
        self, product: Number, drop: int, type: FixedType, learning: Learning, draw: Term | None
    ) -> Number:
        """Return a product in the LSB of what it changes.

        ``drop`` is the number of bits that the contract drops, the zeros of the rate included.
        """
        terms, frac = self._terms, type.format.frac
        if drop > 0 and learning.rounding == STOCHASTIC and draw is not None:
            bits = min(drop, CHANCE_BITS)
            chance = Number(terms.zext(terms.slice(draw, 0, bits), bits + 1), frac + bits)
            product = self.total([product, chance])
        cut = product.frac - frac
        if cut <= 0:
            width = product.term.width - cut
            wide = terms.sext(product.term, width)
            return Number(terms.binary("shl", wide, terms.const(-cut, width)), frac)
        mode = learning.rounding if isinstance(learning.rounding, Rounding) else Rounding.TRN
        x = terms.sext(product.term, max(product.term.width, cut) + 2)
        return Number(self._rounded(x, cut, mode)[0], frac)

    def _added(self, old: Term, change: Number, type: FixedType) -> Term:
        """Return a code changed, and fitted into its range."""
        return self.requantize(self.total([self.number(old, type.format), change]), type).code

    def _drawn(self, state: Term) -> Term:
        """Return the register after the steps of one draw."""
        terms = self._terms
        for _ in range(STEPS):
            parity = terms.slice(state, TAPS[0] - 1, 1)
            for tap in TAPS[1:]:
                parity = terms.binary("xor", parity, terms.slice(state, tap - 1, 1))
            state = terms.concat([parity, terms.slice(state, 0, state.width - 1)])
        return state

    def _minus(self, a: Number, b: Number) -> Number:
        """Return an exact difference of numbers with one LSB."""
        terms = self._terms
        width = max(a.term.width, b.term.width) + 1
        return Number(
            terms.binary("sub", terms.sext(a.term, width), terms.sext(b.term, width)), a.frac
        )

    def _times(self, a: Number, b: Number) -> Number:
        """Return an exact product."""
        terms = self._terms
        width = a.term.width + b.term.width
        sides = [terms.sext(number.term, width) for number in (a, b)]
        return Number(terms.binary("mul", *sides), a.frac + b.frac)

    def _cut(self, number: Number, format: Format) -> Term:
        """Return the word of a format that holds the number."""
        terms = self._terms
        wide = terms.sext(number.term, max(number.term.width, format.width))
        return terms.slice(wide, 0, format.width)


def _codes(words: Sequence[Word], layer: int, stage: str) -> list[Term]:
    """Return a layer's words of one stage, neurons ascending."""
    return [word.code for word in words if (word.layer, word.stage) == (layer, stage)]
