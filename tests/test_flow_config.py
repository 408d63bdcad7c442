"""Settings: the command line over a file over the defaults, and refusals that name the key."""

import re

import pytest

from bittrue.flow.config import Settings, resolve
from bittrue.model.config import Config
from bittrue.model.exceptions import BittrueError


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "run.toml"
        path.write_text(text)
        return path

    return write


def test_defaults_are_those_of_config():
    assert resolve({}).config == Config()


def test_file_is_over_defaults_and_command_line_over_file(written):
    file = written('seed = 3\nqueries = 5\nformat = "fxp-s12/8"\npe = [2, 1]\nstalls = 0.25\n')
    settings = resolve({"seed": 4}, file)
    assert (settings.seed, settings.queries) == (4, 5)
    assert (settings.pe, settings.stalls) == ([2, 1], 0.25)
    assert settings.config == Config.of(format="fxp-s12/8")


def test_hyphens_name_options_as_the_command_line_writes_them(written):
    file = written('weight-type = ["fxp-s8/4", "fxp-s8/5"]\n')
    assert resolve({}, file).config == Config.of(weight_type=["fxp-s8/4", "fxp-s8/5"])


def test_format_on_the_command_line_overrules_types_of_the_file(written):
    file = written('weight_type = "fxp-s8/4"\noutput_type = "fxp-s8/4"\n')
    assert resolve({"format": "fxp-s12/8"}, file).config == Config.of(format="fxp-s12/8")


@pytest.mark.parametrize(
    ("given", "segments", "tolerance"),
    [
        ({}, 16, None),
        ({"curve": "plan"}, None, None),
        ({"segments": 8}, 8, None),
        ({"tolerance": 0.01}, None, 0.01),
        ({"curve": "fit", "segments": 4}, 4, None),
    ],
)
def test_curve_on_the_command_line_overrules_its_options_in_the_file(
    written, given, segments, tolerance
):
    config = resolve(given, written('curve = "fit"\nsegments = 16\n')).config
    assert (config.segments, config.tolerance) == (segments, tolerance)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("pe = 0", "pe must be an integer of at least 1, or a list of one a layer, got 0"),
        (
            "pe = [1, 0]",
            "pe must be an integer of at least 1, or a list of one a layer, got [1, 0]",
        ),
        (
            "simd = true",
            "simd must be an integer of at least 1, or a list of one a layer, got True",
        ),
        ("queries = 0", "queries must be an integer of at least 1, got 0"),
        ('seed = "7"', "seed must be an integer of at least 0, got '7'"),
        ("stalls = 1.0", "stalls must be a probability from 0 to below 1, got 1.0"),
        ("stalls = nan", "stalls must be a probability from 0 to below 1, got nan"),
        ("curve = 3", "curve must be a curve's name, or a list of one a layer, got 3"),
        ("format = 16", "format must be a format like fxp-s16/12, got 16"),
        (
            "weight_type = 8",
            "weight_type must be a type like fxp-s16/12,RND_CONV,SAT, or a list of one a layer, "
            "got 8",
        ),
        ("colour = 1", f"a key must be one of {', '.join(Settings.model_fields)}, got 'colour'"),
    ],
)
def test_file_of_another_shape_is_refused_by_key(written, line, message):
    file = written(line + "\n")
    with pytest.raises(BittrueError, match=f"^{re.escape(f'{file}: {message}')}$"):
        resolve({}, file)


def test_command_line_is_named_too():
    with pytest.raises(BittrueError, match=r"^the command line: pe must be an integer of at least"):
        resolve({"pe": 0})


def test_file_must_be_there_and_be_toml(written, tmp_path):
    with pytest.raises(BittrueError, match=r"^a configuration file must be readable text, got .*"):
        resolve({}, tmp_path / "none.toml")
    with pytest.raises(BittrueError, match=r"^.*run\.toml must be TOML, got: .*line 1.*$"):
        resolve({}, written("pe = = 1\n"))


def test_types_are_read_when_asked_for(written):
    settings = resolve({"format": "s16.12"})
    with pytest.raises(BittrueError, match=r"^'s16\.12' is ambiguous"):
        _ = settings.config
