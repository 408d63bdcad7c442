"""A verification in a report, from its verdict to its configuration."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .report_checks import checks_of
from .report_divergence import divergence_group
from .report_errors import curve_groups, rounding_group
from .report_page import Cell, Facts, Group, Line, Section, Table
from .report_results import Stored
from .report_schema import Answer, Matrix, QueriesResult, Query, Verified, WholeResult
from .report_tensors import rounded, tensor_groups

SHADES = 8
"""Steps from no answers to all of a label."""

SHOWN_CLASSES = 32
"""Classes up to which a confusion matrix is drawn."""

SHOWN = 40
"""Queries and disagreements that are listed."""

MODELS = {"golden": "golden model", "fixed": "fixed model", "rtl": "RTL"}


def verify_section(anchor: str, stored: Stored, found: Verified) -> Section:
    """Return a verification as a section."""
    check = checks_of([stored])[0]
    blocks: list[Any] = [Line(check.line, "good" if check.passed else "bad")]
    if found.first_divergence is not None:
        blocks.append(divergence_group(found.first_divergence.restored()))
    if isinstance(found, WholeResult):
        blocks += _whole(found)
    elif isinstance(found, QueriesResult):
        blocks += _queries(found)
    blocks += tensor_groups(found.tensors)
    blocks.append(rounding_group(found.rounding, found.deviations))
    blocks += curve_groups(found.curves)
    blocks.append(Group("Speed", [Facts(list(_speed(found)))]))
    about = [("result", stored.digest), ("design", found.design), ("seed", str(found.seed))]
    if found.data is not None:
        about.append(("data", f"{found.data.name}, {found.data.part}, {found.data.digest}"))
    blocks.append(
        configuration(about, config=found.config, machine=found.machine, versions=found.versions)
    )
    return Section(anchor, f"Verification of {_subject(found)}", blocks)


def _subject(found: Verified) -> str:
    sizes = "-".join(map(str, found.layers))
    named = "" if found.network is None else f" of {found.network}"
    if found.data is None:
        return f"{sizes}{named} by queries and directed vectors"
    return f"{sizes}{named} on {found.data.name}, {found.data.part}"


def _speed(found: Verified) -> Iterator[tuple[str, str]]:
    cycles = found.cycles_per_query
    yield "cycles per query", "none was answered" if cycles is None else str(cycles)
    yield "initiation interval", f"{rounded(found.initiation_interval, '')} cycles"
    if isinstance(found, WholeResult):
        yield "engine", found.engine


def configuration(about: Sequence[tuple[str, str]], **parts: Mapping[str, Any]) -> Group:
    """Return digests and settings, folded up.

    Parameters
    ----------
    about : sequence of (str, str)
        What identifies the result.
    **parts
        Settings by what they are of; versions come last.
    """
    pairs = list(about)
    for part, settings in parts.items():
        pairs += [(f"{part}: {name}", said(value)) for name, value in settings.items()]
    return Group("Configuration, seed, versions, digests", [Facts(pairs)], folded=True)


def said(value: Any) -> str:
    """Return a setting as text."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(said, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {said(item)}" for name, item in value.items())
    return str(value)


def _errors(found: Verified) -> list[Any]:
    if found.errors is None:
        return [Line("There is no golden model beside the fixed one.")]
    errors = found.errors
    rows = [
        ["maximum absolute error", rounded(errors.maximum), rounded(errors.maximum_lsb)],
        ["mean absolute error", rounded(errors.mean), rounded(errors.mean_lsb)],
        ["SQNR, dB", rounded(errors.sqnr, ".2f"), ""],
    ]
    return [Table("Fixed model against golden model", ("error", "value", "LSB"), rows)]


def _whole(found: WholeResult) -> Iterator[Group]:
    rows = [[MODELS.get(name, name), f"{share:.4f}"] for name, share in found.accuracy.items()]
    title = f"Accuracy on {found.samples} samples"
    blocks: list[Any] = [Table(title, ("model", "accuracy"), rows)]
    if found.agreement is not None:
        unlike = len(found.disagreements)
        line = f"Golden and fixed model answer alike on {found.agreement:.2%} of the samples"
        blocks.append(Line(f"{line}, unlike on {unlike}." if unlike else f"{line}."))
    if found.disagreements:
        rows = [
            [str(one.sample), str(one.label), str(one.golden), str(one.fixed)]
            for one in found.disagreements[:SHOWN]
        ]
        columns = ("sample", "label", "golden", "fixed")
        shown = "Samples that are answered differently"
        if len(found.disagreements) > SHOWN:
            shown += f", the first {SHOWN} of {len(found.disagreements)}"
        blocks.append(Table(shown, columns, rows))
    yield Group("Answers", [*blocks, *_errors(found)])
    yield Group("Confusion", list(_confusion(found.confusion)))
    losses = [
        [f"layer {one.layer}, {one.stage}", str(one.inexact), str(one.overflowed)]
        for one in found.losses
    ]
    table = Table("Words that rounding changed or that overflowed", _LOSSES, losses)
    yield Group("Losses", [table])


_LOSSES = ("stage", "inexact", "overflowed")


def _confusion(found: Mapping[str, Matrix]) -> Iterator[Table | Line]:
    """Yield a matrix for models that answer alike."""
    alike: list[tuple[list[str], Matrix]] = []
    for name, matrix in found.items():
        same = next((names for names, other in alike if other == matrix), None)
        if same is None:
            alike.append(([MODELS.get(name, name)], matrix))
        else:
            same.append(MODELS.get(name, name))
    for names, matrix in alike:
        title = f"Confusion of {' and '.join(names)}"
        if len(matrix) > SHOWN_CLASSES:
            yield Line(f"{title}: {len(matrix)} classes are too many to be drawn.")
        else:
            yield _matrix(title, matrix)


def _matrix(title: str, matrix: Matrix) -> Table:
    """Return counts shaded by their share of the label's samples."""
    rows: list[list[str | Cell]] = []
    for label, counts in enumerate(matrix):
        total = max(sum(counts), 1)
        cells = [
            Cell(str(count) if count else "·", _shade(count / total, right=at == label))
            for at, count in enumerate(counts)
        ]
        rows.append([str(label), *cells])
    width = max(map(len, matrix), default=0)
    columns = ("label / answer", *map(str, range(width)))
    return Table(f"{title}: right answers on the diagonal", columns, rows)


def _shade(share: float, *, right: bool) -> str:
    step = min(int(share * SHADES + 0.999), SHADES) if share else 0
    return f"{'right' if right else 'wrong'}{step}"


def _queries(found: QueriesResult) -> Iterator[Group]:
    models = {
        "golden": [query.golden for query in found.queries],
        "fixed": [query.fixed for query in found.queries],
        "rtl": [query.rtl for query in found.queries],
    }
    rows = [
        [_values(query.inputs), *(_answer(answers[at]) for answers in models.values())]
        for at, query in enumerate(found.queries[:SHOWN])
    ]
    columns = ("inputs", *(MODELS[name] for name in models))
    shown = _shown("Queries and answers", found.queries)
    yield Group("Answers", [Table(shown, columns, rows, 4), *_errors(found)])
    losses = [
        [
            f"layer {one.layer}, {one.stage}",
            *(str(count) for loss in (one.queries, one.directed) for count in _pair(loss)),
        ]
        for one in found.losses
    ]
    headings = ("stage", "queries: inexact", "overflowed", "directed: inexact", "overflowed")
    table = Table("Words that rounding changed or that overflowed", headings, losses)
    yield Group("Losses", [table])
    targets: list[list[str | Cell]] = [
        [name, Cell(str(one.visited), "" if one.visited == one.there else "warn"), str(one.there)]
        for name, one in found.coverage.items()
    ]
    yield Group(
        "What the directed vectors visit",
        [Table("Targets", ("target", "visited", "of"), targets)],
    )


def _pair(loss: Any) -> tuple[int, int]:
    return loss.inexact, loss.overflowed


def _shown(title: str, queries: Sequence[Query]) -> str:
    return title if len(queries) <= SHOWN else f"{title}, the first {SHOWN} of {len(queries)}"


def _values(values: Sequence[float | None]) -> str:
    return " ".join(rounded(value, ".4f") for value in values)


def _answer(answer: Answer | None) -> str:
    if answer is None:
        return "–"
    return f"{_values(answer.outputs)}{' Oops!' if answer.oops else ''}"
