"""Spaces: what is read, what is refused and how it is named."""

import re

import pytest

from bittrue.flow.space import read_space, space_of
from bittrue.flow.sweep_hardware import Hardware
from bittrue.model.exceptions import BittrueError

NETWORK = {"data": "digits", "layers": [64, 10]}


def tree(**parts):
    return {"network": NETWORK, "space": {"width": [6, 8]}, **parts}


def test_a_grid_has_every_point_once_the_last_axis_fastest():
    space = space_of(tree(space={"pe": [1, 2], "width": [6, 8]}))
    assert list(space.grid()) == [
        {"width": 6, "pe": 1},
        {"width": 6, "pe": 2},
        {"width": 8, "pe": 1},
        {"width": 8, "pe": 2},
    ]


def test_a_candidate_may_be_one_a_layer():
    space = space_of(tree(space={"width": [[8, 6], 8], "pe": [[2, 1]]}))
    assert list(space.grid()) == [{"width": [8, 6], "pe": [2, 1]}, {"width": 8, "pe": [2, 1]}]


def test_options_that_no_curve_takes_make_no_points():
    space = space_of(tree(space={"width": 8, "curve": ["plan", "fit"], "segments": [2, 4]}))
    assert [(p["curve"], p.get("segments")) for p in space.grid()] == [
        ("plan", None),
        ("fit", 2),
        ("fit", 4),
    ]


def test_draws_are_by_the_seed_and_without_repeats():
    def drawn(seed):
        search = {"method": "random", "points": 20, "seed": seed}
        axes = {"width": [4, 5, 6, 7, 8], "pe": [1, 2, 3, 4, 5, 6]}
        return list(space_of(tree(space=axes, search=search)).drawn())

    assert drawn(1) == drawn(1) != drawn(2)
    assert len({repr(point) for point in drawn(1)}) == 20


def test_hyphens_are_underscores_and_constraints_are_read():
    space = space_of(
        tree(space={"weight-width": 4, "width": 8}, constraints={"accuracy": " >= 0.96"})
    )
    assert space.axes == {"width": [8], "weight_width": [4]}
    assert [str(bound) for bound in space.constraints] == ["accuracy >= 0.96"]
    assert space.constraints[0].met_by({"accuracy": 0.96})
    assert not space.constraints[0].met_by({"accuracy": 0.95})


def test_tools_place_only_where_fmax_counts():
    axes = {"width": [6, 8], "target": ["ecp5", "ice40"]}
    hardware = {"resources": "synthesis", "timeout": 60, "counters": "full"}
    space = space_of(tree(space=axes, hardware=hardware, objectives=["accuracy", "lut"]))
    assert space.hardware == Hardware("synthesis", 60, "full", place=False)
    assert [point["target"] for point in space.grid()] == ["ecp5", "ice40"] * 2
    space = space_of(tree(hardware=hardware, constraints={"fmax": ">= 100"}))
    assert space.hardware.place
    assert space_of(tree()).hardware == Hardware("estimate", None, "none")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"spaec": {}}, r"a space: a key must be one of .*, got 'spaec'; the nearest is space$"),
        (
            {"space": {"width": 8, "segmnets": 2}},
            r"space: a key must .*'segmnets'; the nearest is segments$",
        ),
        ({"network": {"data": "digits", "layer": [1]}}, r"network: .*; the nearest is layers$"),
        ({"search": {"metod": "grid"}}, r"search: .*'metod'; the nearest is method$"),
        ({"constraints": {"acuracy": ">= 1"}}, r"constraints: .*; the nearest is accuracy$"),
        ({"constraints": {"accuracy": 0.9}}, r"constraints.accuracy must be written .*, got 0.9$"),
        ({"constraints": {"accuracy": ">= e"}}, r"constraints.accuracy must be .*, got '>= e'$"),
        ({"constraints": {"luts": "<= 9"}}, r"constraints: .*, got 'luts'; the nearest is lut$"),
        ({"space": {"width": 8, "targte": "ecp5"}}, r"space: .*'targte'; the nearest is target$"),
        ({"space": {"width": 8, "target": "ecp"}}, r"space.target: .*'ecp'; the nearest is ecp5$"),
        ({"hardwear": {}}, r"a space: .*'hardwear'; the nearest is hardware$"),
        ({"hardware": {"resource": "x"}}, r"hardware: .*'resource'; the nearest is resources$"),
        ({"hardware": {"resources": "estimated"}}, r"hardware.resources: .*nearest is estimate$"),
        ({"hardware": {"counters": "overflows"}}, r"hardware.counters: .*nearest is overflow$"),
        ({"hardware": {"timeout": 9}}, r"hardware.timeout must come with synthesis, got estimate$"),
        (
            {"hardware": {"resources": "synthesis", "timeout": 0}},
            r"hardware.timeout must be a number above 0, got 0$",
        ),
        (
            {"hardware": {"resources": "synthesis", "timeout": "9"}},
            r"hardware.timeout must be of type float, got '9'$",
        ),
        (
            {"space": {"width": 8, "target": ["ecp5", "ice40"]}},
            r"hardware.resources must be synthesis for the target ice40, got estimate$",
        ),
        (
            {
                "space": {"width": 8, "target": "xilinx"},
                "hardware": {"resources": "synthesis"},
                "constraints": {"fmax": ">= 100"},
            },
            r"fmax must be of a target that can be placed, got xilinx$",
        ),
        ({"objectives": []}, r"objectives must be a list of figures, got \[\]$"),
        ({"objectives": ["acuracy"]}, r"objectives and choose: .*; the nearest is accuracy$"),
        ({"space": {}}, r"space must vary something, got an empty table$"),
        ({"space": {"pe": 1}}, r"space must have either width or format, got none$"),
        ({"space": {"width": 8, "format": "fxp-s8/4"}}, r"space must have either .*, got both$"),
        ({"space": {"format": "fxp-s8/4", "weight_width": 4}}, r"space.weight_width must come .*$"),
        ({"space": {"width": []}}, r"space.width must have at least one candidate, got none$"),
        ({"space": {"width": [8, 8]}}, r"space.width must have each .* once, got 8 twice$"),
        ({"space": {"width": 64}}, r"space.width must be integers 2 to 63, got 64$"),
        ({"space": {"width": True}}, r"space.width must be integers 2 to 63, got True$"),
        ({"space": {"width": 8, "curve": "plam"}}, r"space.curve: .*; the nearest is plan$"),
        ({"space": {"width": 8, "rounding": [["TRN"]]}}, r"space.rounding must be one for all .*$"),
        ({"space": {"width": 8, "margin": -1}}, r"space.margin must be numbers .*, got -1$"),
        ({"space": 3}, r"space must be a table, got 3$"),
        ({"search": {"method": "best"}}, r"search.method must be one of grid, .*, got 'best'$"),
        ({"search": {"points": 0}}, r"search.points must be at least 1, got 0$"),
        ({"search": {"seed": "x"}}, r"search.seed must be of type int, got 'x'$"),
        ({"network": {}}, r"network.data must name a data set, got none$"),
        ({"network": {"data": "digits"}}, r"network must have either file or layers, got none$"),
        (
            {"network": {"data": "digits", "file": "a.npz", "seed": 1}},
            r"network must have a file or be trained, got both: seed$",
        ),
        ({"network": {"data": "digits", "layers": [64]}}, r"network.layers must be .*, got \[64\]"),
        (
            {"space": {"width": list(range(2, 64)), "pe": list(range(1, 20000))}},
            r"a space must have at most 1000000 points, got 1239938$",
        ),
    ],
)
def test_what_is_refused(parts, message):
    with pytest.raises(BittrueError, match=f"^{message}"):
        space_of(tree(**parts))


def test_files_are_named(tmp_path):
    file = tmp_path / "space.toml"
    with pytest.raises(BittrueError, match=r"^a space must be readable text, got "):
        read_space(file)
    file.write_text("[space")
    with pytest.raises(BittrueError, match=f"^{re.escape(str(file))} must be TOML, got: "):
        read_space(file)
    file.write_text('[network]\ndata = "digits"\nlayers = [64, 10]\n[space]\nwidht = 3\n')
    with pytest.raises(BittrueError, match=f"^{re.escape(str(file))}: space: .* nearest is width$"):
        read_space(file)
