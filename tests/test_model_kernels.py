import platform
import re
import tracemalloc
import warnings

import numpy as np
import pytest
from networks import check_engines, network_of

from bittrue.model import fixed, native
from bittrue.model.exceptions import BittrueError, BittrueWarning
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import FixedType, Format, Rounding
from bittrue.model.kernels import CHOICES, ENGINES, LIMIT_BITS, Accumulator, product

INT16 = pytest.param("int16", marks=pytest.mark.needs("cc"))
FAST = (INT16, "float32", "float64")


@pytest.fixture(autouse=True)
def _always_prepared(monkeypatch):
    monkeypatch.setattr(fixed, "SMALL", 0)


@pytest.mark.parametrize("engine", ["auto", "int64", *FAST])
@pytest.mark.parametrize("inputs", [1, 2, 15, 16, 17, 32, 33, 255, 256, 257, 513])
def test_products_of_any_shape(engine, inputs):
    rng = np.random.default_rng(inputs)
    for samples in (0, 1, 15, 16, 47, 48, 49, 100):
        for outputs in (1, 2, 3, 4, 5, 6, 7, 8, 9, 17):
            left = rng.integers(-90, 90, (samples, inputs))
            right = rng.integers(-90, 90, (outputs, inputs))
            actual = product(left, right, engine=engine)
            assert actual.dtype == np.int64
            assert np.array_equal(actual, left @ right.T)


WORST = {
    "int16": ([-32768, 16000, 5], 32767),
    "float32": ([-2047, 1000, 5], 4095),
    "float64": ([-(2**26), 2**25, 5], 2**26 - 1),
}
"""A neuron and a reach of its inputs, somewhat below each limit."""


def worst_case(engine, sign):
    """Return weights, inputs that make the largest sum, and what is left below the limit."""
    weights, reach = WORST[engine]
    array = np.array([weights])
    inputs = np.array([[reach * sign * (1 if w > 0 else -1) for w in weights]])
    return array, inputs, (1 << LIMIT_BITS[engine]) - 1 - int(np.abs(array).sum()) * reach


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("engine", FAST)
def test_sums_at_the_bound_and_one_beyond(engine, sign):
    """The largest sum that is proven is right; one LSB more goes to the next engine."""
    weights, inputs, rest = worst_case(engine, sign)
    reach = WORST[engine][1]
    proven = Accumulator(weights, np.array([rest * sign]))
    choice = proven.choose(-reach, reach, engine)
    assert choice.bound == choice.limit - 1 == 2 ** LIMIT_BITS[engine] - 1
    assert proven.sums(inputs, engine, -reach, reach).tolist() == [[choice.bound * sign]]
    beyond = Accumulator(weights, np.array([(rest + 1) * sign]))
    with pytest.raises(BittrueError, match=f"bound {choice.limit} is not below 2\\*\\*"):
        beyond.choose(-reach, reach, engine)
    taken = beyond.choose(-reach, reach)
    assert taken.engine != engine
    assert beyond.sums(inputs, taken.engine, -reach, reach).tolist() == [[choice.limit * sign]]


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("engine", FAST)
def test_layers_at_the_bound_and_one_beyond(engine, sign, rounding):
    """As before, with bias, rounding and table in the same pass; the last bits round up."""
    weights, inputs, rest = worst_case(engine, sign)
    stage = FixedType(Format(True, 16, 9 - LIMIT_BITS[engine]), rounding)
    bias = FixedType(Format(True, 60, 0))
    for extra in (0, 1):
        given = (np.array([(rest + extra) * sign]), bias)
        network = network_of(weights, Format(True, 28, 0), stage, *given)
        plain = network_of(weights, Format(True, 28, 0), stage, *given, engine="int64")
        assert network.predict(inputs).tolist() == plain.predict(inputs).tolist()
        chosen = network.engines(inputs)[0]
        forced = network_of(weights, Format(True, 28, 0), stage, *given, engine=engine)
        if extra:
            assert chosen.engine != engine
            with pytest.raises(
                BittrueError, match=r"^an engine must be proven for the sums of layer 0, got "
            ):
                forced.predict(inputs)
        else:
            assert forced.predict(inputs).tolist() == plain.predict(inputs).tolist()


@pytest.mark.needs("cc")
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_kernel_stops_one_code_beyond_its_reach(sign):
    weights = np.array([[32767, 32767, 32766]])
    reach = (2**31 - 1) // int(np.abs(weights).sum())
    stage = FixedType(Format(True, 16, -16))
    network = network_of(weights, Format(True, 16, 0), stage)
    forced = network_of(weights, Format(True, 16, 0), stage, engine="int16")
    plain = network_of(weights, Format(True, 16, 0), stage, engine="int64")
    for far in (reach, reach + 1):
        codes = np.full((1, 3), far * sign)
        assert (network.predict(codes) == plain.predict(codes)).all()
        assert (network.engines(codes)[0].engine == "int16") == (far == reach)
    assert forced.predict(codes // 2).shape == (1, 1)
    with pytest.raises(BittrueError, match=r"^an engine must be proven for the sums of layer 0, "):
        forced.predict(codes)


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_a_bias_alone_counts(engine):
    limit = 1 << LIMIT_BITS[engine]
    weights = np.zeros((1, 2), np.int64)
    assert not Accumulator(weights, np.array([limit - 1])).objection(engine, 0, 9)
    if engine != "int64":
        assert Accumulator(weights, np.array([limit])).objection(engine, 0, 9)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
@pytest.mark.parametrize("engine", ["auto", "float64", "int64"])
def test_codes_of_any_integer_type_and_order(engine, dtype):
    weights = np.arange(-10, 11).reshape(3, 7)
    stage = FixedType(Format(True, 8, 0))
    network = network_of(weights, Format(True, 8, 0), stage, engine=engine)
    codes = np.asfortranarray(np.arange(7 * 15).reshape(15, 7).astype(dtype))[::2]
    expected = np.clip(codes.astype(np.int64) @ weights.T, -128, 127)
    assert (network.predict(codes) == expected).all()
    codes[3, 2] = 200 if dtype != np.int8 else -128
    if dtype != np.int8:
        with pytest.raises(BittrueError, match=r"^codes of fxp-s8/0 must be -128 to 127, got 200$"):
            network.predict(codes)


def test_what_is_chosen_and_why():
    weights = np.full((2, 4), 100)
    stage = FixedType(Format(True, 16, 0))
    network = network_of(weights, Format(True, 32, 0), stage, engine="float64")
    (choice,) = network.engines()
    assert choice == (
        0,
        "float64",
        400 * 2**31,
        2**53,
        "float64: bound 858993459200 is below 2**53",
    )
    auto = network_of(weights, Format(True, 32, 0), stage)
    assert auto.engines()[0].engine == "float64"
    assert auto.engines()[0].reason == (
        "int16: bound 858993459200 is not below 2**31; "
        "float32: bound 858993459200 is not below 2**24; "
        "float64: bound 858993459200 is below 2**53"
    )
    assert auto.engines([[1, -2, 3, 4]])[0].bound == 1600


def test_small_batches_wait_for_nothing(monkeypatch):
    monkeypatch.setattr(fixed, "SMALL", 100)
    network = network_of(np.array([[3, 4]]), Format(True, 8, 0), FixedType(Format(True, 16, 0)))
    monkeypatch.setattr(native, "library", lambda: pytest.fail("was asked for"))
    assert network.predict([[1, 2]] * 40).tolist() == [[11]] * 40


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: FixedNetwork(one_line(), engine="int8"),
            f"engine must be one of {', '.join(CHOICES)}, got 'int8'",
        ),
        (lambda: product([[1]], [[1, 2]]), "weights must have 1 columns, got 2"),
        (
            lambda: product([1], [[1]]),
            "inputs must be a matrix of integers, got int64 of shape (1,)",
        ),
        (
            lambda: product([[0.5]], [[1]]),
            "inputs must be a matrix of integers, got float64 of shape (1, 1)",
        ),
        (
            lambda: product([[2**63]], [[1]]),
            f"inputs must be -2**63 + 1 to 2**63 - 1, got 0 to {2**63}",
        ),
        (
            lambda: product([[2**40]], [[2**30]], engine="float64"),
            "an engine must be proven for the sums of layer 0, got float64: bound "
            f"{2**70} is not below 2**53",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        call()


def one_line():
    return network_of(np.array([[1]]), Format(True, 8, 0), FixedType(Format(True, 8, 0))).design


@pytest.fixture
def compiler(monkeypatch, tmp_path):
    """Return a call that puts a program in the place of the compiler, with an empty cache."""
    monkeypatch.setenv("BITTRUE_CACHE", str(tmp_path / "cache"))
    native.library.cache_clear()

    def put(name):
        monkeypatch.setenv("CC", name)

    yield put
    native.library.cache_clear()


def test_without_a_compiler_numpy_does_it(compiler):
    compiler("no-such-compiler")
    network = network_of(np.array([[3, 4]]), Format(True, 8, 0), FixedType(Format(True, 16, 0)))
    assert network.predict([[1, 2]]).tolist() == [[11]]
    (choice,) = network.engines()
    assert choice.engine == "float32"
    assert choice.reason.startswith("int16: no C compiler; ")


def test_a_compiler_that_fails_is_named_once(compiler):
    compiler("false")
    network = network_of(np.array([[3, 4]]), Format(True, 8, 0), FixedType(Format(True, 16, 0)))
    with pytest.warns(BittrueWarning, match=r"^the int16 kernel must compile, got: false must end"):
        assert network.predict([[1, 2]]).tolist() == [[11]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert network.predict([[1, 2]]).tolist() == [[11]]


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("without", ["-mno-avx512f", "-mno-avx512f -mno-avx"])
def test_the_kernel_is_the_same_without_wide_vectors(compiler, without):
    compiler(f"gcc {without if platform.machine() == 'x86_64' else ''}")
    for seed in range(30):
        check_engines(seed)


@pytest.mark.needs("cc")
def test_rows_need_no_rows_of_intermediates():
    """Nothing that grows with the batch is made beside the result, by any engine."""
    rng = np.random.default_rng(3)
    weights = rng.integers(-300, 300, (10, 64))
    codes = rng.integers(0, 200, (100_000, 64))
    for engine in ENGINES:
        network = network_of(
            weights, Format(True, 16, 0), FixedType(Format(True, 16, -6)), engine=engine
        )
        network.predict(codes[:100])
        tracemalloc.start()
        network.predict(codes)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < len(codes) * 10 * 8 + 2**23, engine
