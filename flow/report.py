"""The command ``bittrue report``: stored results as one HTML page that opens offline."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json, write_whole

from . import options
from .console import say
from .paths import check_targets
from .report_checks import FAIL, PASS, Check, checks_json, checks_of, checks_xml, verdict_of
from .report_hardware import estimate_section, prove_section, quantize_section, synth_section
from .report_page import Head, Section, Told, page
from .report_results import Stored, read_results
from .report_schema import Part, QuantizeResult, QueriesResult, WholeResult
from .report_schema_many import EstimateResult, ProveResult, StudyResult, SweepResult, SynthResult
from .report_study import study_section
from .report_sweep import sweep_section
from .report_verify import verify_section
from .tables import versions

SECTIONS: dict[type[Part], Callable[[str, Stored, Any], Section]] = {
    QueriesResult: verify_section,
    WholeResult: verify_section,
    ProveResult: prove_section,
    QuantizeResult: quantize_section,
    StudyResult: study_section,
    SweepResult: sweep_section,
    SynthResult: synth_section,
    EstimateResult: estimate_section,
}
"""What draws a form of result, in the order of a page."""

KINDS = {PASS: "good", FAIL: "bad"}
SHOWN_CHECKS = 12
"""Checks that passed, up to which each has a line at the top."""


def report(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT", help="JSON of commands, and stores of sweeps."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE.html", help="The page.")
    ] = Path("report.html"),
    objectives: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME...]",
            help="Of a store's Pareto front.  \\[default: accuracy, lut or bits, latency]",
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Verdicts for programs.", rich_help_panel=options.RESULTS
        ),
    ] = None,
    junit_xml: options.JunitXml = None,
) -> None:
    """Make one HTML page of stored results: offline, on a phone, on paper.

    Results are what verify, prove, quantize, study, sweep and synth wrote
    with --json, in any mix. Stores of sweeps (.sqlite) are read as well, and
    left as they are. The page has the verdict first, and where words differ
    the first of them; of a sweep, designs can be selected and taken.

    Example: bittrue verify --json -o verify.json

    and then: bittrue report verify.json digits.sqlite -o report.html

    The same results give the same page, to the byte.

    Exit codes: 0 nothing differs, 1 something does, 2 bad input.
    """
    check_targets({"output": (".html", ".htm")}, output=output, json=json, junit_xml=junit_xml)
    _refuse_inputs(results, [output, json, junit_xml])
    names = None if objectives is None else [name.strip() for name in objectives.split(",")]
    stored = in_order(read_results(results, names))
    checks = checks_of(stored)
    write_whole(output, html_of(stored, checks))
    if json:
        write_whole(json, dump_json(checks_json(stored, checks)))
    if junit_xml:
        write_whole(junit_xml, checks_xml(stored, checks))
    verdict = verdict_of(checks)
    failed = [check.told for check in checks if not check.passed]
    say(f"bittrue: wrote {output}: {verdict}{f': {failed[0]}' if failed else ''}")
    if failed:
        raise typer.Exit(1)


def _refuse_inputs(results: Sequence[Path], targets: Sequence[Path | None]) -> None:
    """Refuse to write over a result."""
    read = {path.resolve() for path in results}
    for target in targets:
        if target is not None and target.resolve() in read:
            raise BittrueError(f"a report must not overwrite a result, got {target} as both")


def in_order(results: Sequence[Stored]) -> list[Stored]:
    """Return results in the order of a page; those of a form in the order they were given."""
    forms = list(SECTIONS)
    return sorted(results, key=lambda stored: forms.index(type(stored.found)))


def html_of(results: Sequence[Stored], checks: Sequence[Check]) -> str:
    """Return a report as HTML.

    Parameters
    ----------
    results : sequence of Stored
        In the order of the page.
    checks : sequence of Check
        What they say of themselves.
    """
    sections = [
        SECTIONS[type(stored.found)](_anchor(number), stored, stored.found)
        for number, stored in enumerate(results)
    ]
    verdict = verdict_of(checks)
    head = Head(verdict, KINDS.get(verdict, "open"), _told(sections, checks))
    return page(head, sections, versions())


def _anchor(number: int) -> str:
    return f"result-{number + 1}"


def _told(sections: Sequence[Section], checks: Sequence[Check]) -> list[Told]:
    """Return the lines of the verdict: failures with the first of their story, then the rest."""
    lines = []
    failed = [check for check in checks if not check.passed]
    passed = [check for check in checks if check.passed]
    for check in failed:
        title = sections[check.result].title
        lines.append(Told("bad", f"{title}: {check.told}", _anchor(check.result)))
        lines += [
            Told("first", part, _anchor(check.result)) for part in check.story.splitlines()[:1]
        ]
    if len(passed) <= SHOWN_CHECKS:
        for check in passed:
            text = f"{sections[check.result].title}: {check.told}"
            lines.append(Told("good", text, _anchor(check.result)))
    else:
        for number in dict.fromkeys(check.result for check in passed):
            count = sum(check.result == number for check in passed)
            text = f"{sections[number].title}: {count} checks passed"
            lines.append(Told("good", text, _anchor(number)))
    if not checks:
        lines.append(Told("open", "None of these results is a comparison.", ""))
    return lines
