"""Spoiling an ONNX file in its nodes, tensors, sizes and versions."""

from random import Random
from typing import Any

import onnx

from .hostile import TEXTS

OPERATORS = (
    *(
        "Gemm",
        "MatMul",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "BatchNormalization",
        "Sigmoid",
        "Relu",
        "Clip",
    ),
    *("HardSigmoid", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Cast"),
    *("Dropout", "Constant", "Softmax", "ArgMax", "Quant", "IntQuant", "QuantizeLinear", "Loop"),
    *("DequantizeLinear", "ZipMap", "LeakyRelu", "If", "", "Shape", "Gather", "Concat", "Scaler"),
)
DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "qonnx.custom_op.general", "onnx.brevitas", "x")
WHOLE = (0, 1, -1, 2, 3, 8, 63, 64, 1 << 20, 1 << 31, (1 << 63) - 1, -(1 << 63))
REAL = (0.0, -0.0, 1.0, 0.5, 0.3, -1.0, 1e-45, 3e38, float("inf"), float("nan"))


def onnx_spoilt(rng: Random, content: bytes) -> bytes:
    """Return a model with one to four of its parts replaced, taken out, moved or doubled."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception:  # what is no model any more stays as it is
        return content
    for _ in range(rng.choice((1, 1, 2, 4))):
        rng.choice((_node, _node, _attribute, _tensor, _tensor, _data, _shape, _version))(
            rng, model
        )
    return model.SerializeToString()


def _one(rng: Random, items: Any) -> Any:
    return items[rng.randrange(len(items))] if len(items) else None


def _name(rng: Random, model: Any) -> str:
    names = [name for node in model.graph.node for name in (*node.input, *node.output)]
    return rng.choice([*names, rng.choice(TEXTS).encode("utf-8", "replace").decode()])


def _node(rng: Random, model: Any) -> None:
    node = _one(rng, model.graph.node)
    if node is None:
        return
    act = rng.randrange(6)
    if act == 0:
        node.op_type = rng.choice(OPERATORS)
    elif act == 1:
        node.domain = rng.choice(DOMAINS)
    elif act == 2 and len(node.input):
        node.input[rng.randrange(len(node.input))] = _name(rng, model)
    elif act == 3:
        node.output[:] = [_name(rng, model) for _ in range(rng.choice((0, 1, 1, 2)))]
    elif act == 4:
        model.graph.node.remove(node)
    else:
        model.graph.node.extend([node] * rng.choice((1, 2, 300)))


def _attribute(rng: Random, model: Any) -> None:
    node = _one(rng, model.graph.node)
    if node is None:
        return
    names = ("axis", "alpha", "to", "transA", "transB", "perm", "min", "signed", "narrow", "value")
    made = node.attribute.add()
    made.name = rng.choice((*names, "rounding_mode", "epsilon", "shape", "axes"))
    made.type = rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 0, 14))
    made.f, made.i = rng.choice(REAL), rng.choice(WHOLE)
    made.s = rng.choice((b"ROUND", b"CEIL", b"\xff", b"x" * 3000))
    made.ints.extend([rng.choice(WHOLE)] * rng.choice((0, 1, 2, 3000)))
    made.floats.extend([rng.choice(REAL)] * rng.choice((0, 1, 2)))


def _tensor(rng: Random, model: Any) -> None:
    tensor = _one(rng, model.graph.initializer)
    if tensor is None:
        return
    act = rng.randrange(5)
    if act == 0:
        tensor.dims[:] = [rng.choice(WHOLE) for _ in range(rng.choice((0, 1, 2, 9, 40)))]
    elif act == 1:
        tensor.data_type = rng.choice((*range(24), 99))
    elif act == 2:
        tensor.data_location = 1
        told = (("location", rng.choice(("x.onnx", "model.onnx", "", *TEXTS))), ("offset", "0"))
        for key, value in (*told, ("length", rng.choice(("0", "8", "-1", "9" * 30)))):
            made = tensor.external_data.add()
            made.key, made.value = key, value.encode("utf-8", "replace").decode()
    elif act == 3:
        tensor.float_data.extend([rng.choice(REAL)] * rng.choice((1, 5, 3000)))
    else:
        tensor.int32_data.extend([rng.choice((0, -1, 300, -(1 << 31)))] * rng.choice((1, 5, 3000)))


def _data(rng: Random, model: Any) -> None:
    tensor = _one(rng, model.graph.initializer)
    if tensor is not None:
        size = len(tensor.raw_data)
        part = rng.choice((b"\xff\xff\x7f\x7f", b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", bytes(8)))
        tensor.raw_data = (part * (size // len(part) + 1))[: size + rng.choice((0, 0, 0, -1, 1, 4))]


def _shape(rng: Random, model: Any) -> None:
    item = _one(rng, [*model.graph.input, *model.graph.output])
    if item is None:
        return
    dims = item.type.tensor_type.shape.dim
    if len(dims) and rng.random() < 0.7:
        dim = _one(rng, dims)
        if rng.random() < 0.7:
            dim.dim_value = rng.choice(WHOLE)
        else:
            dim.dim_param = rng.choice(TEXTS).encode("utf-8", "replace").decode()
    else:
        dims.add().dim_value = rng.choice(WHOLE)


def _version(rng: Random, model: Any) -> None:
    item = _one(rng, model.opset_import)
    if item is None or rng.random() < 0.3:
        item = model.opset_import.add()
        item.domain = rng.choice(DOMAINS)
    item.version = rng.choice((*WHOLE, 7, 13, 21))
