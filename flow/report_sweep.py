"""A sweep in a report: its Pareto front, of which a design can be selected and taken."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bittrue.model.files import dump_json

from .report_page import Facts, Figure, Figures, Front, Group, Line, Option, Section, Table
from .report_results import Stored
from .report_schema_many import SweepResult, SweepRow
from .report_svg import Plot, number, spanned
from .report_tensors import rounded
from .report_verify import configuration, said
from .space import AXES, FIGURES
from .sweep_designs import PARTS
from .sweep_report import UNITS

MOST_DRAWN = 2000
"""Points of the cloud that are drawn: evenly taken, where there are more."""

SHARES = ("accuracy", "agreement")


def sweep_section(anchor: str, stored: Stored, found: SweepResult) -> Section:
    """Return a sweep as a section."""
    designs, numbers = _files(found)
    blocks: list[Any] = [Facts(list(_about(found)))]
    if found.front:
        front = Front(
            Figures(_figures(found)),
            f"Pareto front of {', '.join(found.objectives)}",
            _columns(found),
            [_option(found, row, numbers.get(row.design)) for row in _selectable(found)],
        )
        blocks.append(Group("Pareto front", [front]))
    else:
        blocks.append(Line("No point could be measured.", "bad"))
    axes = [[name, said(values)] for name, values in found.axes.items()]
    blocks.append(Group("Space", [Table("What was varied", ("axis", "values"), axes, 2)]))
    hardware = {name: value for name, value in found.hardware.items() if value is not None}
    blocks.append(
        configuration(
            [("result", stored.digest)],
            network=found.network,
            search=found.search,
            hardware=hardware,
            versions=found.versions,
        )
    )
    title = f"Sweep over {_network(found)}"
    return Section(anchor, title, blocks, designs, [_indented(part) for part in found.parts])


def _network(found: SweepResult) -> str:
    network = found.network
    if isinstance(network.get("layers"), list):
        return f"{'-'.join(map(str, network['layers']))} on {network.get('data')}"
    if "file" in network:
        return f"{network['file']} on {network.get('data')}"
    return f"network {str(network.get('weights', ''))[:12]}"


def _about(found: SweepResult) -> Iterator[tuple[str, str]]:
    yield "points", f"{found.points}, of which {found.failed} could not be made"
    yield "designs", str(found.designs)
    yield "front", f"{len(found.front)} points of {', '.join(found.objectives)}"
    if found.constraints:
        yield "constraints", ", ".join(found.constraints)
        better = "largest" if FIGURES.get(found.choose) else "smallest"
        chosen = "no point meets them" if found.chosen is None else found.chosen.design[:12]
        yield f"chosen, {better} {found.choose}", chosen
    if isinstance(found.network.get("accuracy"), float):
        yield "accuracy of the golden model", f"{found.network['accuracy']:.4f}"


def _columns(found: SweepResult) -> list[str]:
    axes = [name.replace("_", " ") for name in _varied(found)]
    return [*axes, *(_heading(name) for name in _shown_figures(found))]


def _selectable(found: SweepResult) -> list[SweepRow]:
    """Return the front, and the chosen point where that is not on it."""
    keys = {row.key for row in found.front}
    others = [] if found.chosen is None or found.chosen.key in keys else [found.chosen]
    return [*found.front, *others]


def _varied(found: SweepResult) -> list[str]:
    """Return the axes that differ among what can be selected."""
    rows = _selectable(found)
    return [name for name in AXES if len({said(row.config.get(name)) for row in rows}) > 1]


def _shown_figures(found: SweepResult) -> list[str]:
    bounds = (bound.split(" ")[0] for bound in found.constraints)
    return [name for name in dict.fromkeys((*found.objectives, *bounds)) if name in FIGURES]


def _heading(name: str) -> str:
    if name == "width":
        return "widest word"
    return f"{name}, {UNITS[name]}" if name in UNITS else name


def _figure(name: str, value: float | None) -> str:
    return rounded(value, ".4f" if name in SHARES else "")


def _option(found: SweepResult, row: SweepRow, file: int | None) -> Option:
    """Return a point of the front as what can be selected."""
    cells = [said(row.config.get(name)) for name in _varied(found)]
    cells += [_figure(name, row.figures.get(name)) for name in _shown_figures(found)]
    pairs = [(name.replace("_", " "), said(value)) for name, value in row.config.items()]
    pairs += [(_heading(name), _figure(name, value)) for name, value in row.figures.items()]
    pairs += [("design", row.design), ("point", row.key)]
    first = found.front[0] if found.chosen is None else found.chosen
    return Option(cells, Facts(pairs), row.design, file, row.key == first.key)


def _figures(found: SweepResult) -> list[Figure]:
    """Return a drawing for each pair of objectives; with a single one, over the order of rows."""
    names = found.objectives
    first = names[0]
    others = [name for name in names[1:4] if name in FIGURES]
    return [_scatter(found, other, first) for other in others]


def _scatter(found: SweepResult, across: str, up: str) -> Figure:
    """Draw all points of a sweep by two objectives, those of the front as marks."""
    places = found.objectives.index(across), found.objectives.index(up)
    cloud = [
        (x, y)
        for row in found.cloud
        if len(row) > max(places)
        and (x := row[places[0]]) is not None
        and (y := row[places[1]]) is not None
    ]
    front = [(at, _pair(row.figures, across, up)) for at, row in enumerate(_selectable(found))]
    drawn = [(at, pair) for at, pair in front if pair is not None]
    every = [*cloud, *(pair for _, pair in drawn)]
    xs, ys = [x for x, _ in every], [y for _, y in every]
    log = bool(xs) and min(xs) > 0 and max(xs) > 20 * min(xs)
    ends = (min(xs) / 1.2, max(xs) * 1.2) if log else spanned(xs)
    plot = Plot(ends, spanned(ys), (_heading(across), _heading(up)), log=(log, False), height=250)
    step = max(1, -(-len(cloud) // MOST_DRAWN))
    for x, y in cloud[::step]:
        at = plot.at(x, y)
        plot.add("circle", cx=at[0], cy=at[1], r=1.6, kind="cloud")
    for number_of, (x, y) in drawn:
        text = f"{up} {_figure(up, y)}, {across} {_figure(across, x)}"
        plot.mark(plot.at(x, y), 0, f"c1 front at{number_of}", text)
    caption = f"{up} over {across}: {len(cloud)} points, {len(found.front)} of them on the front."
    columns = (_heading(across), _heading(up))
    rows = [[number(x), _figure(up, y)] for _, (x, y) in drawn]
    table = Table(f"Front by {up} and {across}", columns, rows, 0)
    return Figure(caption, plot.markup(caption), table)


def _pair(figures: Mapping[str, float | None], across: str, up: str) -> tuple[float, float] | None:
    x, y = figures.get(across), figures.get(up)
    return None if x is None or y is None else (x, y)


def _files(found: SweepResult) -> tuple[list[Sequence[str | int]], dict[str, int]]:
    """Return design files as texts and numbers of parts, and their numbers by digest."""
    files: list[Sequence[str | int]] = []
    numbers = {}
    for digest, file in found.files.items():
        pieces = _pieces(file, len(found.parts))
        if pieces is not None:
            numbers[digest] = len(files)
            files.append(pieces)
    return files, numbers


def _pieces(file: Mapping[str, Any], parts: int) -> list[str | int] | None:
    """Return a design's file in pieces; None where a part of it is not there."""
    pieces: list[str | int] = []
    text = "{"
    for name, value in file.items():
        text += f"\n  {dump_json(name)[:-1]}: "
        if name in PARTS:
            if type(value) is not int or not 0 <= value < parts:
                return None
            pieces += [text, value]
            text = ","
        else:
            text += f"{_indented(value)},"
    return [*pieces, text.rstrip(",") + "\n}\n"]


def _indented(part: Any) -> str:
    """Return a part of a file as `Design.save` writes it."""
    return dump_json(part)[:-1].replace("\n", "\n  ")
