"""Claims about the hardware: proven as it is, refuted and replayed where a fault is planted."""

from itertools import product

import planted
import pytest
from designs import drawn_design

from bittrue.hdl.machine import Machine
from bittrue.model.curves import Curve, Segment
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import FixedType, Format, Overflow, Rounding
from bittrue.model.makers import MAKERS, make_curve
from bittrue.sim.claims import GROUPS, claims_of
from bittrue.sim.curve_facts import curve_facts, outputs_in_gates
from bittrue.sim.engines import simulate
from bittrue.sim.equal import Status
from bittrue.sim.handshake import prove_buffer, prove_converter, stream_steps
from bittrue.sim.prove import curve_trial, network_trial, neuron_trial, requantize_trial
from bittrue.sim.sample import layer_trial, prove_idle, prove_layer, prove_start
from bittrue.sim.spec import Specification
from bittrue.sim.standstill import prove_standstill
from bittrue.sim.trial import prove

WIDE, NARROW = FixedType.parse("fxp-s16/12"), FixedType.parse("fxp-s8/4")
DESIGN = drawn_design(1, (3, 3, 3), "fxp-s16/12", bias=True)
FIT = make_curve("fit", WIDE.format, WIDE, segments=8)
CONVERTED = drawn_design(0, (9, 1), "fxp-s16/12").shape.layers[0]


def proven(proof):
    assert proof.status is Status.PROVEN, proof
    assert proof.different is proof.replay is None
    return proof


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("overflow", Overflow)
def test_requantize_in_all_pairs_of_modes(rounding, overflow):
    target = FixedType(WIDE.format, rounding, overflow)
    proven(prove(requantize_trial(Format(True, 33, 24), target)))


@pytest.mark.parametrize(
    ("source", "target"),
    [("fxp-u9/3", "fxp-s4/5"), ("fxp-s4/-2", "fxp-u9/1"), ("fxp-s3/9", "fxp-s8/2"),
     ("fxp-u40/35", "fxp-u8/7"), ("fxp-s12/4", "fxp-s5/12")],
)  # fmt: skip
def test_requantize_of_odd_formats(source, target):
    target = FixedType(FixedType.parse(target).format, Rounding.RND_CONV, Overflow.SAT_SYM)
    proven(prove(requantize_trial(FixedType.parse(source).format, target)))


def options_of(name):
    return {
        "uniform": {"segments": 8},
        "fit": {"segments": 8},
        "faithful": {},
        "clipped-relu": {},
    }.get(name, {})


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "faithful"])
def test_curves_of_every_maker(name):
    proven(prove(curve_trial(make_curve(name, NARROW.format, NARROW, **options_of(name)))))


@pytest.mark.parametrize("name", ["plan", "fit"])
def test_curves_of_16_bits(name):
    proven(prove(curve_trial(make_curve(name, WIDE.format, WIDE, **options_of(name)))))


def test_a_curve_of_one_s_own_that_jumps_and_overflows():
    rows = [(-2048, -7, 30), (-900, 31, -8), (-1, 5, 255), (0, 0, -256), (1, -32, 3), (2000, 9, 9)]
    output = FixedType(Format(True, 6, 2), Rounding.RND_INF, Overflow.WRAP)
    formats = Format(True, 12, 6), output, Format(True, 6, 3), Format(True, 9, 4)
    curve = Curve("own", *formats, tuple(Segment(*row) for row in rows))
    proven(prove(curve_trial(curve)))


@pytest.mark.parametrize("format", ["fxp-s8/4", "fxp-s16/12"])
@pytest.mark.parametrize("simd", [1, 2])
def test_neurons(format, simd):
    layer = drawn_design(0, (3, 2), format, bias=simd == 2).shape.layers[0]
    proven(prove(neuron_trial(layer, simd)))


def test_facts_of_curves_are_those_of_the_table():
    curve = make_curve("plan", NARROW.format, NARROW)
    codes, outputs = outputs_in_gates(curve)
    assert (outputs == curve.evaluate(codes)).all()
    facts = [proof.claim.split(": ", 1)[1] for proof in curve_facts(curve)]
    assert facts[0] == f"bounded: {outputs.min()} to {outputs.max()}"
    assert facts[1] == "mirrored: y(-z) = 16 - y(z)"
    assert "monotone" in facts[2]
    assert "from the sigmoid" in facts[3]
    assert all(proof.status is Status.PROVEN for proof in curve_facts(curve))


def test_a_curve_that_steps_back_is_told():
    facts = [proof.claim for proof in curve_facts(make_curve("plan", WIDE.format, WIDE))]
    assert any("steps back 2 times, by at most 16 LSB" in fact for fact in facts)


def test_a_curve_too_wide_to_be_tried_is_refused():
    with pytest.raises(BittrueError, match=r"^a curve must read at most 20 bits .*, got 21$"):
        type = FixedType.parse("fxp-s21/12")
        outputs_in_gates(make_curve("relu", type.format, type))


@pytest.mark.parametrize("bias", [False, True])
def test_3_3_3_for_all_inputs_and_all_weights(bias):
    """16 bits, 18 weights (and 6 biases) at once, reset from any state."""
    shape = drawn_design(1, (3, 3, 3), "fxp-s16/12", bias=bias).shape
    proof = proven(prove(network_trial(Machine(shape, 1, 1))))
    assert proof.words > 90


@pytest.mark.long
@pytest.mark.parametrize(("pe", "simd"), [*product((1, 2, 3), repeat=2)])
def test_3_3_3_in_every_folding(pe, simd):
    proven(prove(network_trial(Machine(DESIGN.shape, pe, simd))))


def test_3_3_3_in_another_folding():
    proven(prove(network_trial(Machine(DESIGN.shape, 2, 3))))


def test_8_8_4_with_constant_weights():
    design = drawn_design(0, (8, 8, 4), "fxp-s8/4", bias=True)
    proven(prove(network_trial(Machine(design.shape, 2, 4), design.weights)))


def stream_proofs(machine):
    return [
        proof
        for number in range(len(machine.parts))
        for _, step in stream_steps(machine, number)
        for proof in step(None)
    ]


def test_streams():
    proofs = stream_proofs(Machine(drawn_design(2, (3, 3, 2)).shape, 2, 3))
    assert len(proofs) == 11
    for proof in proofs:
        proven(proof)


@pytest.mark.long
@pytest.mark.parametrize(("pe", "simd"), [*product((1, 2, 3), repeat=2)])
def test_streams_of_3_3_3_in_every_folding(pe, simd):
    for proof in stream_proofs(Machine(DESIGN.shape, pe, simd)):
        proven(proof)


@pytest.mark.parametrize(("lanes_in", "lanes_out", "size"), [(1, 4, 6), (4, 3, 10), (5, 2, 5)])
def test_converters(lanes_in, lanes_out, size):
    layer = drawn_design(0, (size, 1), "fxp-s4/2").shape.layers[0]
    proven(prove_converter(0, layer, lanes_in, lanes_out))


def part(pe=2, simd=1):
    return (1, *Machine(DESIGN.shape, pe, simd).parts[1], 16)


SYMMETRIC = FixedType(WIDE.format, Rounding.RND_CONV, Overflow.SAT_SYM)
CLAIMS = {
    "REQUANTIZE": lambda: prove(requantize_trial(Format(True, 33, 24), SYMMETRIC)),
    "CURVE": lambda: prove(curve_trial(FIT)),
    "NEURON": lambda: prove(neuron_trial(DESIGN.shape.layers[0], 2)),
    "NETWORK": lambda: prove(network_trial(Machine(DESIGN.shape, 2, 1))),
    "BUFFER": lambda: prove_buffer(*part()[:3]),
    "CONVERTER": lambda: prove_converter(1, CONVERTED, 3, 2),
    "STALLS": lambda: prove_standstill(*part()),
    "START": lambda: prove_start(*part()),
    "IDLE": lambda: prove_idle(*part(simd=3)),
    "SAMPLE": lambda: prove_layer(*part()),
}
QUICK = {"NETWORK": 3, "IDLE": 0}
"""Faults of each claim that are not left to the long run; one where not named."""


def faults():
    for claim in CLAIMS:
        for number, fault in enumerate(getattr(planted, claim)):
            marks = [pytest.mark.long] if number >= QUICK.get(claim, 1) else []
            yield pytest.param(claim, fault, marks=marks, id=f"{claim.lower()}: {fault.name}")


@pytest.mark.parametrize(("claim", "fault"), [*faults()])
def test_a_planted_fault_is_refuted_and_replayed(monkeypatch, claim, fault):
    planted.plant(monkeypatch, fault)
    proof = CLAIMS[claim]()
    assert proof.status is Status.REFUTED, proof
    assert proof.different
    assert proof.replay is not None
    assert proof.stimulus
    replay = proof.replay
    assert (replay.expected is None) or replay.expected != replay.actual


def test_five_faults_or_more_for_each_claim():
    streams = ("BUFFER", "CONVERTER", "STALLS", "START", "IDLE", "SAMPLE")
    for claims in (("REQUANTIZE",), ("CURVE",), ("NEURON",), ("NETWORK",), streams):
        assert sum(len(getattr(planted, claim)) for claim in claims) >= 5


def test_a_planted_fault_is_taken_out_again():
    with pytest.MonkeyPatch.context() as patch:
        planted.plant(patch, planted.REQUANTIZE[0])
        assert CLAIMS["REQUANTIZE"]().status is Status.REFUTED
    assert CLAIMS["REQUANTIZE"]().status is Status.PROVEN


def test_a_counterexample_of_a_network_is_a_session(monkeypatch, tmp_path):
    """Weights and samples, which every engine can be given: they show the fault there as well."""
    planted.plant(monkeypatch, planted.LAST_SEGMENT)
    machine = Machine(DESIGN.shape, 2, 1)
    waves = tmp_path / "run.vcd"
    proof = prove(network_trial(machine), waves=waves)
    assert waves.stat().st_size > 1000
    session = proof.session
    assert session.codes.shape == (2, 3)
    [run] = simulate(machine, [session], engine="amaranth")
    assert len(run.outputs) == 6


def test_an_unfaithful_specification_is_not_proven(monkeypatch):
    """The specification is not asked about itself: a fault in it is found by the hardware."""
    right = Specification.product

    def wrong(self, a, a_format, b, b_format):
        number = right(self, a, a_format, b, b_format)
        return number._replace(frac=number.frac + 1)

    monkeypatch.setattr(Specification, "product", wrong)
    assert prove(layer_trial(*part())).status is Status.REFUTED


STREAMS = ("buffer", "stalls", "start", "idle", "layer")


def test_claims_are_named():
    machine = Machine(DESIGN.shape)
    names = claims_of(machine).names
    assert names[:4] == ["requantizer 0", "curve 0", "facts of curve 0", "neuron 0"]
    assert names[8:] == ["network", *(f"{name} {n}" for n in range(2) for name in STREAMS)]
    assert len(claims_of(machine, ["modes"]).names) == 28
    assert len(claims_of(machine, ["streams", "streams"]).names) == 10
    folded = claims_of(Machine(DESIGN.shape, 1, 3), ["streams"]).names
    assert "converter 1" in folded
    message = rf"^a claim must be one of {', '.join(GROUPS)}, got 'all'$"
    with pytest.raises(BittrueError, match=message):
        claims_of(machine, ["all"])


def test_what_is_too_large_is_refused():
    """Before anything starts, with what can be claimed instead."""
    large = Machine(drawn_design(0, (784, 200, 10)).shape, 8, 8)
    message = (
        r"^a network must have at most 10000 products to be proven as a whole, got 158800: "
        r"claim units alone$"
    )
    with pytest.raises(BittrueError, match=message):
        claims_of(large)
    assert claims_of(large, ["units"]).names[0] == "requantizer 0"
    message = (
        r"^streams must have at most 16 beats a sample .*, got 17 before layer 0: raise simd, "
    )
    with pytest.raises(BittrueError, match=message):
        claims_of(Machine(drawn_design(0, (17, 2)).shape), ["streams"])
