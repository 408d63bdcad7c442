"""What in stored results passed or failed: the verdict of a report, its JUnit XML and its JSON."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from bittrue.sim.equal import Status

from .report_results import Stored
from .report_schema import Verified
from .report_schema_many import ProveResult, StudyResult, SweepResult
from .tables import versions
from .verify_report import words_line

SCHEMA = "bittrue.report/1"
ALL_WORDS = "all words"
PASS, FAIL, OPEN = "PASS", "FAIL", "NOTHING JUDGED"


class Check(NamedTuple):
    """One thing that a result says of itself.

    Members
    -------
    result : int
        Number of the result.
    name : str
        What is checked.
    passed : bool
        Whether it holds.
    line : str
        What was found.
    story : str
        What there is to say of a failure, line by line.
    """

    result: int
    name: str
    passed: bool
    line: str
    story: str = ""

    @property
    def told(self) -> str:
        """What was found, with what was checked where that is not said by it."""
        return self.line if self.name == ALL_WORDS else f"{self.name}: {self.line}"


def checks_of(results: Sequence[Stored]) -> list[Check]:
    """Return what results say of themselves; those that are no comparisons say nothing."""
    return [check for number, stored in enumerate(results) for check in _checks(number, stored)]


def _checks(number: int, stored: Stored) -> Iterator[Check]:
    found = stored.found
    if isinstance(found, Verified):
        yield _words(number, found)
    elif isinstance(found, ProveResult):
        for claim in found.claims:
            proven = claim.status == Status.PROVEN.value
            yield Check(number, claim.claim, proven, claim.status, claim.different or "")
        if not found.claims:
            yield Check(number, "claims", False, "nothing was claimed")
    elif isinstance(found, StudyResult) and found.reference is not None:
        for row in found.reference.figures:
            width = "golden" if row.width is None else f"{row.width} bits"
            mean = "nothing" if row.found.mean is None else f"{row.found.mean:.4g}"
            line = f"{mean}, published {row.published:.4g}, {row.allowed:.2g} apart at most"
            yield Check(number, f"{row.figure}, {width}", row.within, line)
    elif isinstance(found, SweepResult):
        yield from _points(number, found)


def _words(number: int, found: Verified) -> Check:
    """Return whether words were compared and none differs, as `bittrue verify` says it."""
    line = words_line(
        found.compared,
        found.differing,
        missing=found.missing,
        extra=found.extra,
        stalled_at=found.stalled_at,
    )
    wrong = found.differing or found.missing or found.extra or found.first_divergence
    passed = found.compared > 0 and not wrong and found.stalled_at is None
    first = found.first_divergence
    story = "" if first is None else str(first.restored())
    return Check(number, ALL_WORDS, passed, line, story)


def _points(number: int, found: SweepResult) -> Iterator[Check]:
    """Yield whether a point meets the constraints, where a sweep has some."""
    if not found.front:
        yield Check(number, "points", False, f"none of {found.points} points could be measured")
    elif found.constraints:
        wanted = ", ".join(found.constraints)
        line = f"no point meets {wanted}"
        if found.chosen is not None:
            line = f"design {found.chosen.design[:12]} meets {wanted}"
        yield Check(number, "constraints", found.chosen is not None, line)


def verdict_of(checks: Sequence[Check]) -> str:
    """Return `PASS`, `FAIL`, or `OPEN` where nothing was checked."""
    if not checks:
        return OPEN
    return PASS if all(check.passed for check in checks) else FAIL


def checks_xml(results: Sequence[Stored], checks: Sequence[Check]) -> str:
    """Return checks as JUnit XML, a test case each."""
    suite = ElementTree.Element("testsuite", name="bittrue report")
    properties = ElementTree.SubElement(suite, "properties")
    for stored in results:
        ElementTree.SubElement(properties, "property", name=stored.kind, value=stored.digest)
    for check in checks:
        group = f"bittrue.{results[check.result].kind}.{results[check.result].digest[:12]}"
        case = ElementTree.SubElement(suite, "testcase", classname=group, name=check.name)
        if check.passed:
            ElementTree.SubElement(case, "system-out").text = check.line
        else:
            ElementTree.SubElement(case, "failure", message=check.line).text = check.story
    suite.set("tests", str(len(checks)))
    suite.set("failures", str(sum(not check.passed for check in checks)))
    ElementTree.indent(suite)
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return f"{text.decode()}\n"


def checks_json(results: Sequence[Stored], checks: Sequence[Check]) -> dict[str, Any]:
    """Return the verdict and what it rests on as JSON."""
    verdict = verdict_of(checks)
    return {
        "schema": SCHEMA,
        "verdict": verdict,
        "passed": None if verdict == OPEN else verdict == PASS,
        "results": [
            {
                "command": stored.kind,
                "digest": stored.digest,
                "checks": [
                    {"name": check.name, "passed": check.passed, "line": check.line}
                    for check in checks
                    if check.result == number
                ],
            }
            for number, stored in enumerate(results)
        ],
        "versions": versions(),
    }
