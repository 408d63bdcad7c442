"""Networks of others as ONNX: the same answers as elsewhere, and every refusal by its name."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from qonnx_networks import QONNX, Drawn

from bittrue.flow.importers import imported, read_model
from bittrue.hdl.machine import Machine
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import FixedType, decode, encode
from bittrue.model.quantize import quantize
from bittrue.sim.engines import simulate
from bittrue.sim.record import Session

FIXTURES = Path(__file__).parent / "fixtures"
FLOATS = ("torch-sigmoid", "torch-normed", "torch-clipped", "torch-dynamo", "keras-exported")


def saved(
    folder, nodes, tensors, *, inputs=("n", 5), outputs=("n", 2), opset=17, domains=(),
    kind=TensorProto.FLOAT,
):  # fmt: skip
    """Return the path of a network of nodes."""
    graph = helper.make_graph(
        nodes, "network",
        [helper.make_tensor_value_info("x", kind, inputs)],
        [helper.make_tensor_value_info("y", kind, outputs)],
        [
            array if isinstance(array, onnx.TensorProto) else numpy_helper.from_array(array, name)
            for name, array in tensors.items()
        ],
    )  # fmt: skip
    versions = [helper.make_opsetid("", opset), *(helper.make_opsetid(*one) for one in domains)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=8)
    path = folder / "network.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def chain(*nodes):
    """Return nodes one behind the other: type, further inputs, attributes."""
    names = ["x", *(f"v{n}" for n in range(len(nodes) - 1)), "y"]
    return [
        helper.make_node(op, [source, *more], [target], f"{op.lower()}-{n}", **attributes)
        for n, ((op, more, attributes), source, target) in enumerate(
            zip(nodes, names, names[1:], strict=False)
        )
    ]


def floats(seed, **shapes):
    """Return drawn tensors by name."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def answers(path, inputs):
    session = onnxruntime.InferenceSession(str(path))
    return session.run(None, {session.get_inputs()[0].name: inputs})[0]


def softmax(values):
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def golden_answers(found, inputs):
    outputs = found.golden.predict(inputs.reshape(len(inputs), -1).astype(np.float64))
    return softmax(outputs) if found.tail == "softmax" else outputs


def fixed_answers(design, inputs):
    type = design.shape.input
    codes = encode(inputs.astype(np.float64), type.format, type.rounding, type.overflow)
    return decode(FixedNetwork(design).predict(codes), design.shape.output.format)


GEMMS = [
    ((2, 1), {}),
    ((1, 2), {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    ((2, 1), {"alpha": -1.5, "beta": 0.0}),
]


@pytest.mark.parametrize(("order", "attributes"), GEMMS)
def test_gemm(tmp_path, order, attributes):
    shape = (5, 2) if order == (2, 1) else (2, 5)
    tensors = floats(1, w=shape, b=(2,))
    path = saved(tmp_path, chain(("Gemm", ["w", "b"], attributes)), tensors)
    inputs = floats(2, x=(50, 5))["x"]
    assert np.abs(golden_answers(read_model(path), inputs) - answers(path, inputs)).max() < 1e-6


@pytest.mark.parametrize("transposed", [False, True])
def test_samples_as_columns(tmp_path, transposed):
    """Gemm of weights and columns of samples, turned before by Transpose or by transB."""
    tensors = floats(3, w=(4, 5), b=(4, 1), v=(4, 2))
    first = [helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0])] if transposed else []
    source, attributes = ("t", {}) if transposed else ("x", {"transB": 1})
    nodes = [
        *first,
        helper.make_node("Gemm", ["w", source, "b"], ["h"], **attributes),
        helper.make_node("Tanh", ["h"], ["a"]),
        helper.make_node("Gemm", ["a", "v"], ["y"], transA=1),
    ]
    path = saved(tmp_path, nodes, tensors)
    inputs = floats(4, x=(50, 5))["x"]
    assert np.abs(golden_answers(read_model(path), inputs) - answers(path, inputs)).max() < 1e-6


ACTIVATIONS = [
    *(("Sigmoid", {}, "sigmoid"), ("Tanh", {}, "tanh"), ("Relu", {}, "relu")),
    *(("HardSigmoid", {}, "hard-sigmoid"), ("Softplus", {}, "softplus"), ("Erf", {}, "erf")),
    ("HardSigmoid", {"alpha": 1 / 6}, "hard-sigmoid-sixth"),
    ("HardSigmoid", {"alpha": 0.25}, "hard-sigmoid-quarter"),
    *(("Exp", {}, "exp"), ("Sin", {}, "sin")),
]


@pytest.mark.parametrize(("op", "attributes", "name"), ACTIVATIONS)
def test_activations(tmp_path, op, attributes, name):
    path = saved(tmp_path, chain(("MatMul", ["w"], {}), (op, [], attributes)), floats(5, w=(5, 2)))
    inputs, found = floats(6, x=(80, 5))["x"], read_model(path)
    assert found.golden.activations[0].name == name
    expected = answers(path, inputs)
    assert (np.abs(golden_answers(found, inputs) - expected) < 1e-6 * (1 + abs(expected))).all()


CLIPS = [
    ((0, 1), "clipped-relu"), ((0, 6), "relu6"), ((0, None), "relu"), ((None, None), "identity"),
    ((-1, 1), "clipped-relu"), ((0, 3), "clipped-relu"), ((1, 3), "clipped-relu"),
    ((None, 1), "relu"), ((-1, None), "relu"),
]  # fmt: skip


@pytest.mark.parametrize(("ends", "name"), CLIPS)
def test_clip(tmp_path, ends, name):
    """To any ends: what has no name of its own is scaled and shifted on both sides."""
    given = {"ab"[at]: np.float64(end) for at, end in enumerate(ends) if end is not None}
    nodes = chain(
        ("MatMul", ["w"], {}),
        ("Clip", [name if name in given else "" for name in "ab"], {}),
        ("MatMul", ["v"], {}),
    )
    tensors = {n: t.astype(float) for n, t in floats(5, w=(5, 4), v=(4, 2)).items()} | given
    path = saved(tmp_path, nodes, tensors, kind=TensorProto.DOUBLE)
    inputs, found = floats(6, x=(80, 5))["x"].astype(float) * 4, read_model(path)
    assert found.golden.activations[0].name == name
    assert np.abs(golden_answers(found, inputs) - answers(path, inputs)).max() < 1e-12


@pytest.mark.parametrize(
    ("behind", "name"),
    [
        ([("HardSigmoid", [], {"alpha": 0.15, "beta": 0.4})], "clipped-relu"),
        ([("HardSigmoid", [], {"alpha": -0.3})], "clipped-relu"),
        ([("Relu", [], {}), ("Relu", [], {})], "relu"),
        ([("Relu", [], {}), ("Clip", ["minus", "six"], {})], "relu6"),
    ],
)
def test_activations_that_are_one(tmp_path, behind, name):
    """A hard sigmoid of any slope; and what clips, behind a ReLU."""
    tensors = floats(5, w=(5, 2)) | {"minus": np.float32(-1), "six": np.float32(6)}
    path = saved(tmp_path, chain(DENSE, *behind), tensors)
    inputs, found = floats(6, x=(80, 5))["x"] * 3, read_model(path)
    assert found.golden.activations[0].name == name
    assert np.abs(golden_answers(found, inputs) - answers(path, inputs)).max() < 2e-6


SAME_NUMBERS = [
    *(("Reshape", [-1, 12]), ("Reshape", [0, -1]), ("Reshape", [40, 12]), ("Reshape", [0, 0, -1])),
    *(("Flatten", 1), ("Flatten", -3), ("Flatten", 2), ("Squeeze", [1]), ("Unsqueeze", [1, -3])),
]


@pytest.mark.parametrize(("op", "given"), SAME_NUMBERS)
def test_samples_that_keep_their_numbers(tmp_path, op, given):
    """Samples of 1 × 3 × 4, in batches of 40."""
    attributes = {"axis": given} if op == "Flatten" else {}
    tensors = floats(11, w=(12, 4)) | {"given": np.array(given), "flat": np.array([-1, 12])}
    nodes = chain(
        (op, [] if attributes else ["given"], attributes), ("Reshape", ["flat"], {}), DENSE
    )
    path = saved(tmp_path, nodes, tensors, inputs=(40, 1, 3, 4), outputs=(40, 4))
    inputs = floats(12, x=(40, 1, 3, 4))["x"]
    error = golden_answers(read_model(path), inputs) - answers(path, inputs)
    assert np.abs(error).max() < 1e-5


def test_what_is_scaled_and_shifted_is_folded(tmp_path):
    """Before the first weights, between weights and activation, and between two layers."""
    tensors = floats(7, m=(5,), s=(1, 5), w=(5, 4), k=(4,), d=(4,), c=(1,), v=(4, 2), e=(2,))
    tensors |= {name: floats(8, **{name: (4,)})[name] for name in ("g", "h", "i")}
    tensors["j"] = np.abs(floats(9, j=(4,))["j"])
    nodes = chain(
        ("Sub", ["m"], {}), ("Mul", ["s"], {}), ("MatMul", ["w"], {}), ("Add", ["k"], {}),
        ("BatchNormalization", list("ghij"), {"epsilon": 1e-3}), ("Sigmoid", [], {}),
        ("Div", ["d"], {}), ("Add", ["c"], {}), ("MatMul", ["v"], {}), ("Add", ["e"], {}),
    )  # fmt: skip
    path = saved(tmp_path, nodes, tensors)
    inputs, found = floats(10, x=(80, 5))["x"], read_model(path)
    expected = answers(path, inputs)
    assert (np.abs(golden_answers(found, inputs) - expected) < 2e-6 * (1 + abs(expected))).all()
    assert found.notes[0] == "Sub 'sub-0', Mul 'mul-1' was folded into MatMul 'matmul-2'"
    assert found.design is None


def test_shapes_casts_and_tails(tmp_path):
    nodes = [
        helper.make_node("Cast", ["x"], ["a"], to=TensorProto.FLOAT),
        helper.make_node("Constant", [], ["s"], value_ints=[-1, 2, 6]),
        helper.make_node("Reshape", ["a", "s"], ["b"]),
        helper.make_node("Flatten", ["b"], ["c"]),
        helper.make_node("Identity", ["c"], ["c1"]),
        helper.make_node("Transpose", ["c1"], ["d"], perm=[0, 1]),
        helper.make_node("Dropout", ["d"], ["e", "mask"]),
        helper.make_node("MatMul", ["e", "w"], ["f"]),
        helper.make_node("ArgMax", ["f"], ["g"], axis=1, keepdims=0),
        helper.make_node("Cast", ["g"], ["y"], to=TensorProto.FLOAT),
    ]
    path = saved(tmp_path, nodes, floats(11, w=(12, 4)), inputs=("n", 3, 4), outputs=("n",))
    inputs, found = floats(12, x=(80, 3, 4))["x"], read_model(path)
    assert found.tail == "argmax" and found.golden.sizes == (12, 4)
    assert (golden_answers(found, inputs).argmax(axis=1) == answers(path, inputs)).all()


@pytest.mark.parametrize("many", [False, True])
def test_classifiers_as_skl2onnx_writes_them(tmp_path, many):
    """A scaler before, labels behind; two classes come of one output."""
    ml = {"domain": "ai.onnx.ml"}
    outputs = 3 if many else 1
    tensors = floats(15, w=(5, 4), b=(4,), v=(4, outputs), c=(outputs,))
    tensors |= {"one": np.ones(1, np.float32), "names": np.arange(outputs + 1)}
    scaler = {"offset": [0.5, -1.0, 2.0, 0.0, 1.0], "scale": [2.0, 0.5, 1.0, 0.25, 1.5]}
    before = [
        helper.make_node("Scaler", ["x"], ["s"], "scaler", **scaler, **ml),
        helper.make_node("Cast", ["s"], ["s1"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["s1", "w"], ["h"]),
        helper.make_node("Add", ["h", "b"], ["h1"]),
        helper.make_node("Tanh", ["h1"], ["a"]),
        helper.make_node("MatMul", ["a", "v"], ["o"]),
        helper.make_node("Add", ["o", "c"], ["o1"]),
    ]
    pairs = [
        helper.make_node("Sigmoid", ["o1"], ["p"]),
        helper.make_node("Sub", ["one", "p"], ["q"]),
        helper.make_node("Concat", ["q", "p"], ["y"], axis=1),
    ]
    labels = [
        helper.make_node("ArgMax", ["y"], ["m"], axis=1),
        helper.make_node("ArrayFeatureExtractor", ["names", "m"], ["label"], **ml),
    ]
    behind = [helper.make_node("Softmax", ["o1"], ["y"], axis=1)] if many else pairs
    shape = ("n", outputs if many else 2)
    path = saved(
        tmp_path, [*before, *behind, *labels], tensors, outputs=shape, domains=[("ai.onnx.ml", 1)]
    )
    inputs, found = floats(16, x=(60, 5))["x"], read_model(path)
    expected = answers(path, inputs)[:, 0 if many else 1 :]
    assert np.abs(golden_answers(found, inputs) - expected).max() < 1e-6
    assert found.tail == ("softmax" if many else None)


def asked(*behind):
    """Return nodes that ask a signal for its sizes, as Keras writes them, and others behind."""
    return [
        helper.make_node("Shape", ["x"], ["sizes"]),
        helper.make_node("Gather", ["sizes", "first"], ["batch"], axis=0),
        helper.make_node("Unsqueeze", ["batch", "axes"], ["batch1"]),
        helper.make_node("Concat", ["batch1", "rest"], ["shape"], axis=0),
        *behind,
    ]


def test_shapes_that_are_worked_out(tmp_path):
    tensors = floats(17, w=(12, 2)) | {"first": np.array(0), "axes": np.array([0])}
    tensors |= {"rest": np.array([-1])}
    nodes = asked(
        helper.make_node("Reshape", ["x", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    )
    path = saved(tmp_path, nodes, tensors, inputs=("n", 3, 4))
    inputs = floats(18, x=(30, 3, 4))["x"]
    expected = answers(path, inputs)
    error = np.abs(golden_answers(read_model(path), inputs) - expected)
    assert (error < 1e-6 * (1 + np.abs(expected))).all()


def test_sizes_are_no_values(tmp_path):
    """What is divided by the size of the batch is no layer."""
    tensors = floats(17, w=(5, 2)) | {"first": np.array(0), "axes": np.array([0])}
    nodes = asked(
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Div", ["h", "batch1"], ["y"], "mean"),
    )
    path = saved(tmp_path, nodes, tensors | {"rest": np.array([-1])})
    message = "^Div 'mean' must not compute with sizes, got those of a signal$"
    with pytest.raises(BittrueError, match=message):
        read_model(path)


@pytest.mark.parametrize("name", FLOATS)
def test_networks_of_torch_and_keras(name):
    kept, found = np.load(FIXTURES / f"{name}.npz"), read_model(FIXTURES / f"{name}.onnx")
    assert np.abs(golden_answers(found, kept["inputs"]) - kept["outputs"]).max() < 1e-6


@pytest.mark.parametrize("name", ["brevitas-relu", "brevitas-sigmoid"])
def test_networks_of_brevitas(name):
    """The file's own formats give every answer that qonnx gave, bit for bit."""
    kept, found = np.load(FIXTURES / f"{name}.npz"), read_model(FIXTURES / f"{name}.onnx")
    assert found.design is not None
    assert (fixed_answers(found.design, kept["inputs"]) == kept["outputs"]).all()
    assert kept["outputs"].any()


def test_formats_are_the_file_s():
    design = read_model(FIXTURES / "brevitas-relu.onnx").design
    widths = [layer.weight.format.width for layer in design.shape.layers]
    assert widths == [4, 3, 8]
    assert [str(layer.output) for layer in design.shape.layers[:2]] == [
        "fxp-u6/5,RND_CONV,SAT",
        "fxp-u4/4,RND_CONV,SAT",
    ]


@pytest.mark.parametrize("name", [*FLOATS, "brevitas-relu", "brevitas-sigmoid"])
def test_imported_networks_as_hardware(name):
    """Quantized where the file says no formats, then the same words from gates."""
    found = read_model(FIXTURES / f"{name}.onnx")
    design = found.design or quantize(found.golden, format="fxp-s10/6")
    inputs = np.load(FIXTURES / f"{name}.npz")["inputs"].reshape(200, -1)[:5]
    check_hardware(design, inputs)


def check_hardware(design, inputs):
    type = design.shape.input
    codes = encode(inputs.astype(np.float64), type.format, type.rounding, type.overflow)
    [run] = simulate(Machine(design.shape), [Session(design.weights, codes)])
    _, samples, neurons, words = run.outputs.T
    expected = FixedNetwork(design).predict(codes)
    assert words.size == expected.size
    assert (words == expected[samples, neurons]).all()


def test_drawn_clips_as_hardware(tmp_path):
    """To ends without a name, as lines; and hard sigmoids of any slope, as steps."""
    network = Drawn(44, 20)
    path = tmp_path / "drawn.onnx"
    path.write_bytes(network.model(1).SerializeToString())
    design = read_model(path).design
    assert {"clip", "clip-steps"} <= {layer.curve.name for layer in design.shape.layers}
    design.save(tmp_path / "design.json")
    check_hardware(Design.load(tmp_path / "design.json"), network.inputs)


def test_drawn_qonnx_networks(tmp_path):
    """Every answer of qonnx's executor, kept by make_models.py, for both versions of its nodes."""
    kept, words = np.load(FIXTURES / "qonnx-drawn.npz"), 0
    for seed in range(len(kept.files)):
        network, path = Drawn(seed, 20), tmp_path / "drawn.onnx"
        path.write_bytes(network.model(1 + seed % 2).SerializeToString())
        design = read_model(path).design
        assert design is not None, seed
        assert np.array_equal(fixed_answers(design, network.inputs), kept[f"outputs_{seed}"]), seed
        words += kept[f"outputs_{seed}"].size
    assert words > 8000


def test_outputs_that_the_file_holds_are_left_out(tmp_path):
    """Brevitas gives scale and width beside values, where a QuantTensor is returned."""
    path = saved(tmp_path, chain(("MatMul", ["w"], {})), floats(1, w=(5, 2)))
    model = onnx.load(path)
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "scale"))
    for name in ("scale", "w"):
        model.graph.output.add().name = name
    path.write_bytes(model.SerializeToString())
    found = read_model(path)
    assert found.golden.sizes == (5, 2)
    assert found.notes == ("the output 'scale' and 1 more was left out: the file holds what it is",)
    del model.graph.output[0]
    path.write_bytes(model.SerializeToString())
    with pytest.raises(BittrueError, match=r"^network\.onnx must give what its input leads"):
        read_model(path)


def pair(name, zero, scale="s"):
    """Return a pair of quantizing nodes."""
    return ("QuantizeLinear", [scale, zero], {}), ("DequantizeLinear", [scale, zero], {})


@pytest.mark.parametrize("axis", [None, 1])
def test_pairs(tmp_path, axis):
    """Scales for all weights, or one for each output; biases of 32 bits."""
    rng = np.random.default_rng(13)
    scales = np.float32(2.0**-6) if axis is None else np.float32([2**-6, 2**-5])
    tensors = {
        "s": np.float32(2**-5), "z": np.int8(0), "u": np.uint8(0), "t": np.float32(2**-4),
        "w": rng.integers(-128, 128, (5, 2), np.int8), "c": scales,
        "o": np.zeros(np.shape(scales), np.int8),
        "b": rng.integers(-3000, 3000, 2, np.int32), "d": scales * np.float32(2**-5),
    }  # fmt: skip
    held = [
        helper.make_node(
            "DequantizeLinear", ["w", "c", "o"], ["wf"], **({"axis": 1} if axis else {})
        ),
        helper.make_node("DequantizeLinear", ["b", "d"], ["bf"], **({"axis": 0} if axis else {})),
    ]
    nodes = chain(
        *pair("x", "z"), ("MatMul", ["wf"], {}), ("Add", ["bf"], {}), ("Relu", [], {}),
        *pair("y", "u", "t"),
    )  # fmt: skip
    path = saved(tmp_path, [*held, *nodes], tensors)
    inputs, found = floats(14, x=(200, 5))["x"], read_model(path)
    assert str(found.design.shape.input) == "fxp-s8/5,RND_CONV,SAT"
    assert found.design.shape.output == FixedType.parse("fxp-u8/4,RND_CONV,SAT")
    assert (fixed_answers(found.design, inputs) == answers(path, inputs)).all()


@pytest.mark.parametrize(
    ("op", "more", "attributes"), [("Flatten", [], {}), ("Reshape", ["flat"], {})]
)
def test_codes_keep_their_order(tmp_path, op, more, attributes):
    """Between the nodes of a pair, as quantizers leave it."""
    before, behind = pair("x", "z")
    tensors = {"s": np.float32(2**-5), "z": np.int8(0), "flat": np.array([-1, 5])}
    tensors["w"] = np.round(floats(1, w=(5, 2))["w"] * 16).astype(np.int8)
    held = helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wf"])
    nodes = chain(before, (op, more, attributes), behind, ("MatMul", ["wf"], {}))
    path = saved(tmp_path, [held, *nodes], tensors, inputs=("n", 5, 1))
    inputs, found = floats(14, x=(200, 5, 1))["x"], read_model(path)
    assert (fixed_answers(found.design, inputs.reshape(200, 5)) == answers(path, inputs)).all()


@pytest.mark.parametrize(
    ("behind", "why"),
    [
        (
            [*pair("x", "z"), ("Mul", ["six"], {}), ("Clip", ["minus", "one"], {})],
            "Mul 'mul-5' stands behind a quantized pre-activation",
        ),
        (
            [("Relu", [], {}), *pair("x", "z"), ("Clip", ["zero", "six"], {})],
            "Clip 'clip-6' stands behind quantized outputs",
        ),
    ],
)
def test_formats_are_left_out_where_something_is_folded(tmp_path, behind, why):
    """The network in floats is there all the same, and the notes say why there is no design."""
    tensors = floats(1, v=(2, 2)) | {"s": np.float32(2**-5), "z": np.int8(0)}
    tensors |= {
        n: np.float32(v) for n, v in {"minus": -1, "one": 1, "zero": 0, "six": 6}.items()
    } | {"w": np.arange(10, dtype=np.int8).reshape(5, 2)}
    held = helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wf"])
    nodes = chain(*pair("x", "z"), ("MatMul", ["wf"], {}), *behind, ("MatMul", ["v"], {}))
    path = saved(tmp_path, [held, *nodes], tensors)
    found = read_model(path)
    assert found.design is None
    assert f"the file's formats were left out: {why}" in found.notes


def test_scales_of_blocks_are_refused(tmp_path):
    tensors = {"s": np.float32(2**-5), "z": np.int8(0)}
    before, behind = pair("x", "z")
    behind[2]["block_size"] = 5
    path = saved(tmp_path, chain(before, behind), tensors, opset=21)
    message = (
        "^DequantizeLinear 'dequantizelinear-1' must have one scale, or one along an axis, got "
        "scales of blocks$"
    )
    with pytest.raises(BittrueError, match=message):
        read_model(path)


DENSE = ("MatMul", ["w"], {})
REFUSED = [
    (
        [DENSE, ("LeakyRelu", [], {})],
        "a node of network.onnx must be one of Add, ArgMax, .*, got LeakyRelu 'leakyrelu-1'$",
    ),
    (
        [DENSE, ("Clip", ["minus", "one"], {})],
        "Clip 'clip-1' must stand before further weights, to be folded into them, got it behind .*",
    ),
    (
        [DENSE, ("Clip", ["one", "minus"], {})],
        "Clip 'clip-1' must clip to a range, got 1 and -1$",
    ),
    (
        [DENSE, ("Relu", [], {}), ("Clip", ["minus", "zero"], {})],
        "Clip 'clip-2' must leave more than one number, got 0 alone$",
    ),
    (
        [DENSE, ("Relu", [], {}), ("Mul", ["one"], {}), ("Clip", ["zero", "one"], {})],
        "Clip 'clip-3' must stand behind weights, one activation a layer, got it elsewhere$",
    ),
    (
        [("MatMul", ["not"], {})],
        "MatMul 'matmul-0' must have finite weights and biases, .*, got nan$",
    ),
    ([("Flatten", [], {"axis": 2}), DENSE], "Flatten 'flatten-0' must keep the 5 numbers .*"),
    ([("Squeeze", ["axes"], {}), DENSE], "Squeeze 'squeeze-0' must keep the 5 numbers .*"),
    ([("Unsqueeze", ["axes"], {}), DENSE], "Unsqueeze 'unsqueeze-0' must keep the 5 .*"),
    ([("Sigmoid", [], {})], "Sigmoid 'sigmoid-0' must stand behind weights, one activation .*"),
    ([("MatMul", ["minus"], {})], r"MatMul 'matmul-0' must have weights of two sizes, got \(\)$"),
    ([("Flatten", [], {"axis": 0}), DENSE], "Flatten 'flatten-0' must keep the 5 numbers .*"),
    ([("Cast", [], {"to": 6}), DENSE], "Cast 'cast-0' must cast to float or double, got type 6$"),
    (
        [("Transpose", [], {"perm": [0, 2]}), DENSE],
        r"Transpose 'transpose-0' must have an order of 2 axes, got \[0, 2\]$",
    ),
    (
        [("Transpose", [], {}), DENSE],
        "MatMul 'matmul-1' must multiply rows of samples by weights, got .*",
    ),
    ([DENSE, ("Softmax", [], {"axis": 0})], "Softmax 'softmax-1' must go along the outputs, .*"),
    ([DENSE, ("Sigmoid", [], {}), ("Mul", ["one"], {})], "Mul 'mul-2' must stand beside weights.*"),
    ([DENSE, ("Add", ["unknown"], {})], "Add 'add-1' must take what is known .*, got 'unknown'$"),
    ([("Identity", [], {})], "network.onnx must have at least one layer of weights, got none$"),
]


@pytest.mark.parametrize(("nodes", "message"), REFUSED)
def test_refused_nodes(tmp_path, nodes, message):
    tensors = {**floats(1, w=(5, 2)), "one": np.float32(1), "minus": np.float32(-1)}
    tensors |= {"zero": np.float32(0), "axes": np.array([0])}
    tensors["not"] = np.full((5, 2), np.nan, np.float32)
    path = saved(tmp_path, chain(*nodes), tensors)
    with pytest.raises(BittrueError, match=f"^{message}"):
        read_model(path)


QUANTS = [
    ({}, {"s": 0.3}, r"the scale 's' of Quant 'quant-0' must be a power of two, got "
     r"0.300000012; the nearest is 2\*\*-2 = 0.25$"),
    ({}, {"s": 0.37}, r"the scale 's' of .*, got 0.370000005; the nearest is 2\*\*-2 = 0.25$"),
    ({}, {"s": 0.38}, r"the scale 's' of .*, got 0.379999995; the nearest is 2\*\*-1 = 0.5$"),
    ({}, {"b": [4, 4, 8]}, "the width of Quant 'quant-0' must be one .* bits, got 4 and 8$"),
    ({}, {"z": 1.0}, "the zero point of Quant 'quant-0' must be 0, got 1$"),
    ({}, {"b": 2.5}, "the width of Quant 'quant-0' must be one of 2 to 63 bits, got 2.5$"),
    ({"rounding_mode": "CEIL"}, {}, "the rounding mode of Quant 'quant-0' must be one of .*"),
    ({"signed": 0, "narrow": 1}, {}, "Quant 'quant-0' must be signed to be narrow, got .*"),
]  # fmt: skip


def test_training_is_no_constant(tmp_path):
    """Before version 14 further outputs are what asks for it."""
    tensors = floats(7, w=(5, 2), g=(2,), h=(2,), i=(2,)) | {"j": np.ones(2, np.float32)}
    nodes = chain(DENSE, ("BatchNormalization", list("ghij"), {}))
    nodes[-1].output.extend(["mean", "var"])
    path = saved(tmp_path, nodes, tensors, opset=9)
    message = "^BatchNormalization 'batchnormalization-1' must normalize by what the file holds, .*"
    with pytest.raises(BittrueError, match=message):
        read_model(path)


@pytest.mark.parametrize(("attributes", "numbers", "message"), QUANTS)
def test_refused_quants(tmp_path, attributes, numbers, message):
    held = {"s": 0.25, "z": 0.0, "b": 8.0} | numbers
    tensors = floats(1, w=(5, 2)) | {name: np.float32(value) for name, value in held.items()}
    quant = ("Quant", list("szb"), {"domain": QONNX, "signed": 1, "narrow": 0, **attributes})
    path = saved(tmp_path, chain(quant, DENSE), tensors, domains=[(QONNX, 1)])
    with pytest.raises(BittrueError, match=f"^{message}"):
        read_model(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opset": 5}, "network.onnx: the opset of ai.onnx must be 7 to 27, got 5$"),
        ({"opset": 99}, "network.onnx: the opset of ai.onnx must be 7 to 27, got 99$"),
        ({"inputs": ("n", "k")}, "the input 'x' of network.onnx must have fixed sizes, .*"),
        ({"domains": [(QONNX, 3)]}, "network.onnx: the opset of qonnx.* must be 1 to 2, got 3$"),
    ],
)
def test_refused_models(tmp_path, options, message):
    path = saved(tmp_path, chain(DENSE), floats(1, w=(5, 2)), **options)
    with pytest.raises(BittrueError, match=f"^{message}"):
        read_model(path)


def external(name, location, shape=(5, 2), length=40):
    tensor = onnx.TensorProto(name=name, data_type=1, dims=shape, data_location=1)
    for key, value in (("location", location), ("offset", "0"), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def test_data_beside_the_model(tmp_path):
    weights = floats(1, w=(5, 2))["w"]
    (tmp_path / "w.bin").write_bytes(weights.tobytes())
    path = saved(tmp_path, chain(DENSE), {"w": external("w", "w.bin")})
    assert (read_model(path).golden.weights[0] == weights.T).all()


@pytest.mark.parametrize("location", ["../w.bin", "/etc/passwd", "link", ""])
def test_data_outside_the_folder(tmp_path, location):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(40))
    (folder / "link").symlink_to("../w.bin")
    path = saved(folder, chain(DENSE), {"w": external("w", location)})
    message = f"^the tensor 'w' must have its data in the folder of the model, got '{location}'$"
    with pytest.raises(BittrueError, match=message):
        read_model(path)


def test_a_model_that_is_too_large_is_not_read(tmp_path):
    """Two gigabytes of nothing, told by the size alone."""
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    message = f"^{path} must have at most {imported.LARGEST} bytes, got {2 << 30}$"
    with pytest.raises(BittrueError, match=message):
        read_model(path)


@pytest.mark.parametrize(
    ("part", "times", "message"),
    [
        (b"\x0a\x00", 1 << 20, "many.onnx must have at most 131072 parts, got more$"),
        (
            b"\x0a\x20" + b"\x0a\x00" * 16,
            1 << 16,
            "many.onnx must describe its nodes in at most .*",
        ),
    ],
)
def test_many_small_parts_are_not_unpacked(tmp_path, part, times, message):
    """Two bytes of a node, or of an input's name, would become fifty and more each."""
    graph = part * times
    sevens = [len(graph) >> shift & 127 for shift in (0, 7, 14, 21)]
    path = tmp_path / "many.onnx"
    path.write_bytes(b"\x3a" + bytes([*(seven | 128 for seven in sevens[:3]), sevens[3]]) + graph)
    with pytest.raises(BittrueError, match=f"^{message}"):
        read_model(path)
