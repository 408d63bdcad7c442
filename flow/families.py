"""Families of devices: the tools and flags for each, and how its cells are counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bittrue.model.exceptions import BittrueError


@dataclass(frozen=True)
class Target:
    """A family of devices, and the flags that are used for it.

    Parameters
    ----------
    title : str
        What people call it.
    synth : str
        Yosys' command.
    no_dsp : str
        Its flag for multipliers made of LUTs.
    resources : mapping from str to dict
        For each field of `Resources`, how much a cell counts, by its name.
    place : str or None
        Tool that places and routes, if there is an open one.
    place_flags : sequence of str
        For it.
    inside_only : bool
        Whether all ports but the clock are taken off before placing: for a device that has too few
        pins, and a tool that knows no ``--out-of-context``. The figures of both are those of paths
        from register to register.
    """

    title: str
    synth: str
    no_dsp: str
    resources: Mapping[str, Mapping[str, float]]
    place: str | None = None
    place_flags: Sequence[str] = ()
    inside_only: bool = False


PLACED = ("--timing-allow-fail", "--quiet")

TARGETS: dict[str, Target] = {
    "ecp5": Target(
        "Lattice ECP5, LFE5U-85F, speed grade 8",
        "synth_ecp5",
        "-nodsp",
        {
            "lut": {"LUT4": 1},
            "ff": {"TRELLIS_FF": 1},
            "dsp": {"MULT18X18D": 1},
            "bram": {"DP16KD": 1, "PDPW16KD": 1},
            "carry": {"CCU2C": 1},
            "lutram": {"TRELLIS_DPR16X4": 4},
        },
        "nextpnr-ecp5",
        (
            *("--85k", "--package", "CABGA381", "--speed", "8"),
            *("--out-of-context", "--freq", "200", "--placer", "static", *PLACED),
        ),
    ),
    "ice40": Target(
        "Lattice iCE40 HX8K",
        "synth_ice40",
        "",
        {
            "lut": {"SB_LUT4": 1},
            "ff": {"SB_DFF*": 1},
            "dsp": {"SB_MAC16": 1},
            "bram": {"SB_RAM40_4K*": 1},
            "carry": {"SB_CARRY": 1},
            "lutram": {},
        },
        "nextpnr-ice40",
        (
            *("--hx8k", "--package", "ct256", "--pcf-allow-unconstrained"),
            *("--freq", "100", *PLACED),
        ),
        inside_only=True,
    ),
    "xilinx": Target(
        "Xilinx 7 series",
        "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",
        "-nodsp",
        {
            "lut": {**{f"LUT{inputs}": 1 for inputs in range(1, 7)}, "LUT6_2": 1},
            "ff": {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1},
            "dsp": {"DSP48E1": 1},
            "bram": {"RAMB18E1": 0.5, "RAMB36E1": 1},
            "carry": {"CARRY4": 1},
            "lutram": {"RAM32M": 4, "RAM64M": 4, "RAM*X1D": 2, "SRL16E": 1, "SRLC32E": 1},
        },
    ),
}
"""Families by the name that ``--target`` takes."""


def target_of(name: str) -> Target:
    """Return a family by name.

    Raises
    ------
    BittrueError
        If there is none.
    """
    if name not in TARGETS:
        raise BittrueError(f"the target must be one of {', '.join(TARGETS)}, got {name!r}")
    return TARGETS[name]
