"""Designs as ONNX: the same codes in onnxruntime and qonnx, and the same design read back."""

from importlib import import_module

import numpy as np
import onnx
import onnxruntime
import pytest
from designs import drawn_design
from networks import drawn_network
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from bittrue.flow.importers import read_model
from bittrue.flow.importers.onnx_file import QONNX
from bittrue.flow.onnx_export import onnx_model, save_onnx
from bittrue.model.curves import Curve
from bittrue.model.design import Design, Layer, Shape, Weights
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import FixedType, Format, Overflow, Rounding, decode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.makers import make_curve
from bittrue.model.quantize import quantize

REAL = {1: np.float32, 11: np.float64}


def entering(model, values):
    """Return values in the type that a model takes."""
    return values.astype(REAL[model.graph.input[0].type.tensor_type.elem_type])


def runtime_answers(model, values):
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, {"input": entering(model, values)})[0]


def quant(values, scale, zero, width, signed, narrow, rounding):
    """Return what ``Quant`` makes of values, after its description: clamp, then round."""
    codes = values.astype(np.float64) / scale + zero
    high = 2 ** (width - signed) - 1 - (narrow and not signed)
    low = -(2 ** (width - 1)) + narrow if signed else 0
    codes = np.clip(codes, low, high)
    sign, size = np.sign(codes), np.abs(codes)
    rounded = {
        "ROUND": np.round(codes),
        "FLOOR": np.floor(codes),
        "DOWN": np.trunc(codes),
        "HALF_UP": sign * np.floor(size + 0.5),
        "HALF_DOWN": sign * np.ceil(size - 0.5),
    }[rounding]
    return ((rounded - zero) * scale).astype(np.float32)


class Quant(OpRun):
    """QONNX's node for ONNX's own evaluator."""

    op_domain = QONNX

    def _run(self, values, scale, zero, width, signed=1, narrow=1, rounding_mode="ROUND"):
        return (quant(values, scale, zero, int(width), signed, narrow, rounding_mode),)


def reference_answers(model, values):
    evaluator = ReferenceEvaluator(model, new_ops=[Quant])
    return evaluator.run(None, {"input": entering(model, values)})[0]


def qonnx_answers(model, values):
    """Return the answers of qonnx's own executor."""
    wrapper = import_module("qonnx.core.modelwrapper").ModelWrapper(model)
    execute = import_module("qonnx.core.onnx_exec").execute_onnx
    [answers] = execute(wrapper, {"input": entering(model, values)}).values()
    return answers


WAYS = [("qdq", runtime_answers), ("qdq", reference_answers), ("qonnx", reference_answers)]


def check(design, codes, way, answers_of, batch=None):
    """Hold every output of an exported design against the fixed model's."""
    model = onnx_model(design, way, batch=batch)
    expected = decode(FixedNetwork(design).predict(codes), design.shape.output.format)
    actual = answers_of(model, decode(codes, design.shape.input.format))
    np.testing.assert_array_equal(actual, expected)
    return model


@pytest.mark.parametrize(("way", "answers_of"), WAYS)
def test_drawn_networks(way, answers_of):
    """Formats, modes, overflows and tables of all kinds; in float32 and in float64."""
    kinds = set()
    for seed in range(40):
        model = check(*drawn_network(seed), way, answers_of)
        kinds.add(model.graph.input[0].type.tensor_type.elem_type)
    assert kinds == {1, 11}


@pytest.mark.long
@pytest.mark.needs(packages=["qonnx"])
@pytest.mark.parametrize("way", ["qdq", "qonnx"])
def test_drawn_networks_in_qonnx(way):
    for seed in range(100):
        design, codes = drawn_network(seed)
        check(design, codes, way, qonnx_answers, len(codes))


@pytest.mark.parametrize(("way", "answers_of"), WAYS)
@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("overflow", Overflow)
def test_every_code_in_every_mode(way, answers_of, rounding, overflow):
    """A layer of one input: every code, ties, both ends and beyond them."""
    wide, narrow = FixedType(Format(True, 9, 5)), Format(True, 5, 2)
    stage = FixedType(narrow, rounding, overflow)
    curve = make_curve("identity", narrow, FixedType(Format(True, 4, 1), rounding, overflow))
    layer = Layer(1, 2, wide, FixedType(Format(True, 3, 0)), None, stage, curve)
    design = Design(Shape((layer,)), Weights([[[1], [-1]]]))
    check(design, wide.format.codes()[:, None], way, answers_of)


@pytest.mark.parametrize(("way", "answers_of"), WAYS)
@pytest.mark.parametrize("curve", ["plan", "fit", "faithful", "relu6", "step", "relu"])
def test_curves_at_every_code(way, answers_of, curve):
    format, output = Format(True, 10, 6), FixedType(Format(True, 10, 6))
    table = make_curve(curve, format, output)
    line = FixedType(Format(True, 2, 0))
    layer = Layer(1, 1, FixedType(format), line, None, FixedType(format), table)
    check(Design(Shape((layer,)), Weights([[[1]]])), format.codes()[:, None], way, answers_of)


@pytest.mark.parametrize(("way", "answers_of"), WAYS)
def test_sixteen_bits(way, answers_of):
    """The default formats: sums beyond float32."""
    golden = GoldenNetwork(6, (9,), 4, 0.1, 3, biases=True)
    design = quantize(golden)
    codes = np.random.default_rng(4).integers(-(2**15), 2**15, (60, 6))
    model = check(design, codes, way, answers_of)
    assert model.graph.input[0].type.tensor_type.elem_type == 11


@pytest.mark.parametrize(("way", "answers_of"), WAYS)
def test_lines_beyond_float32(way, answers_of):
    """A short sum, and a table whose sums are long: only they ask for float64."""
    format, output = Format(True, 11, 7), FixedType(Format(True, 12, 9), Rounding.TRN)
    rng = np.random.default_rng(8)
    rows = [(start, *rng.integers(-(2**17), 2**17, 2).tolist()) for start in range(-1024, 1024, 64)]
    table = Curve("drawn", format, output, Format(True, 18, 17), Format(True, 18, 17), rows)
    line = FixedType(Format(True, 2, 0))
    layer = Layer(1, 1, FixedType(format), line, None, FixedType(format), table)
    design = Design(Shape((layer,)), Weights([[[1]]]))
    model = check(design, format.codes()[:, None], way, answers_of)
    assert model.graph.input[0].type.tensor_type.elem_type == 11


@pytest.mark.parametrize("way", ["qonnx", "qdq"])
@pytest.mark.parametrize("format", ["fxp-s8/4", "fxp-s8/5"])
def test_what_was_written_is_read_back(tmp_path, way, format):
    """Layers of lines: the same codes, and by QONNX the same design."""
    design = drawn_design(5, (4, 6, 3), format, bias=True, curve="relu")
    path = tmp_path / "design.onnx"
    save_onnx(design, path, way)
    found = read_model(path).design
    assert found is not None
    codes = np.random.default_rng(6).integers(-128, 128, (50, 4))
    expected = FixedNetwork(design).predict(codes)
    assert (FixedNetwork(found).predict(codes) == expected).all() and expected.any()
    if way == "qonnx":
        assert [layer.weight.format for layer in found.shape.layers] == [
            layer.weight.format for layer in design.shape.layers
        ]
        assert [layer.output for layer in found.shape.layers] == [
            layer.output for layer in design.shape.layers
        ]


def test_what_is_written_is_the_same_each_time(tmp_path):
    design = drawn_design(7, (3, 2), bias=True)
    for name in ("a", "b"):
        save_onnx(design, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    about = {item.key: item.value for item in onnx.load(tmp_path / "a").metadata_props}
    assert about["bittrue.design"] == design.digest
    assert about["bittrue.output"] == "fxp-s8/4,RND_CONV,SAT"


def test_a_batch_of_one_size():
    model = onnx_model(drawn_design(7, (3, 2)), batch=5)
    assert [dim.dim_value for dim in model.graph.output[0].type.tensor_type.shape.dim] == [5, 2]


def test_what_no_float_holds_is_refused():
    type = FixedType(Format(True, 30, 0))
    curve = make_curve("identity", type.format, type)
    layer = Layer(2, 1, type, type, None, type, curve)
    design = Design(Shape((layer,)), Weights([[[2**29 - 1, 1]]]))
    message = r"^every sum must fit 53 bits to be exact in ONNX, got 60 bits, of up to \d+ .*$"
    with pytest.raises(BittrueError, match=message):
        onnx_model(design)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"way": "onnx"}, "^the way must be one of qonnx, qdq, got 'onnx'$"),
        ({"batch": 0}, "^the batch must be at least 1, got 0$"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(BittrueError, match=message):
        onnx_model(drawn_design(7, (3, 2)), **options)
