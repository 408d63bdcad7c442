"""Networks drawn as QONNX: formats, modes and activations of all kinds that are read."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"
MODES = ("ROUND", "HALF_EVEN", "FLOOR", "DOWN", "HALF_UP", "HALF_DOWN")
FUNCTIONS = ("Relu", "Relu", "Sigmoid", "Tanh", None, "HardSigmoid", "Clip")
ENDS = ((0, 6), (-1, 1), (-0.375, 1.25), (0.5, None), (None, 0.8125), (-2, None))
SLOPES = ((0.25, 0.5), (0.375, 0.5), (-0.5, 0.25), (1.0, 0.125))
"""Of ``Clip`` and ``HardSigmoid``; in a last layer only the first, which have names."""


class Drawn:
    """A network of drawn layers, as a graph of ONNX and QONNX."""

    def __init__(self, seed, samples):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.tensors = [], {}
        self.sizes = self.rng.integers(1, 7, int(self.rng.integers(2, 5))).tolist()
        self.inputs = self.rng.normal(0, 1.5, (samples, self.sizes[0])).astype(np.float32)
        signal = self.quant("x", signed=True)
        for at, sizes in enumerate(zip(self.sizes, self.sizes[1:], strict=False), 2):
            signal = self.layer(signal, *sizes, last=at == len(self.sizes))
        self.output = signal

    def held(self, array):
        name = f"t{len(self.tensors)}"
        self.tensors[name] = np.asarray(array, np.float32)
        return name

    def add(self, op, inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], f"{op}_{name}", **attributes))
        return name

    def quant(self, name, signed=None, width=None, spread=()):
        """Add a Quant; of scales along an axis where a spread is given."""
        rng = self.rng
        signed = bool(rng.random() < 0.6) if signed is None else signed
        width = width or int(rng.integers(2, 9))
        scale = 2.0 ** (rng.integers(-1, 2, spread) - width + int(rng.integers(1, 4)))
        op = "IntQuant" if rng.random() < 0.2 else "Quant"
        return self.add(
            op, [name, self.held(scale), self.held(0), self.held(width)], domain=QONNX,
            signed=int(signed), narrow=int(signed and rng.random() < 0.5),
            rounding_mode=str(rng.choice(MODES)),
        )  # fmt: skip

    def layer(self, signal, inputs, outputs, last):
        rng = self.rng
        weights = rng.normal(0, 1, (inputs, outputs))
        spread = (1, outputs) if rng.random() < 0.3 else ()
        held = self.quant(self.held(weights), True, spread=spread)
        bias = self.quant(self.held(rng.normal(0, 1, outputs)), True)
        if rng.random() < 0.5:
            signal = self.add("Gemm", [signal, held, bias])
        else:
            signal = self.add("MatMul", [signal, held])
            signal = self.add("Add", [signal, bias]) if rng.random() < 0.7 else signal
        function = FUNCTIONS[int(rng.integers(len(FUNCTIONS)))]
        if function not in ("Relu", None) or rng.random() < 0.5:
            signal = self.quant(signal, True)
        kind = 0 if last else int(rng.integers(12))
        if function == "Clip":
            ends = ["" if end is None else self.held(end) for end in ENDS[kind % len(ENDS)]]
            signal = self.add("Clip", [signal, *ends])
        elif function == "HardSigmoid":
            alpha, beta = SLOPES[kind % len(SLOPES)]
            signal = self.add("HardSigmoid", [signal], alpha=alpha, beta=beta)
        elif function:
            signal = self.add(function, [signal])
        return self.quant(signal)

    def model(self, version):
        """Return the whole, with a version of QONNX's operators."""
        tensor = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, "drawn",
            [tensor("x", TensorProto.FLOAT, [len(self.inputs), self.sizes[0]])],
            [tensor(self.output, TensorProto.FLOAT, [len(self.inputs), self.sizes[-1]])],
            [numpy_helper.from_array(array, name) for name, array in self.tensors.items()],
        )  # fmt: skip
        versions = [helper.make_opsetid("", 16), helper.make_opsetid(QONNX, version)]
        return helper.make_model(graph, opset_imports=versions, ir_version=8)
