"""Verifications, proofs and training as JUnit XML, which continuous integration shows as tests."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

from bittrue.sim.divergence import Divergence
from bittrue.sim.equal import Status
from bittrue.sim.record import STAGES
from bittrue.sim.side_by_side import SideBySide
from bittrue.sim.testbench import Verification
from bittrue.sim.trial import Proof
from bittrue.sim.whole import WholeSet


def junit_xml(result: Verification | WholeSet) -> str:
    """Return a verification as JUnit XML.

    One test case for each layer and stage, one for the output stream, one for the whole, and one
    for each target of the directed vectors, whose output says how much of it was visited.
    """
    suite = ElementTree.Element("testsuite", name="bittrue verify")
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("seed", str(result.seed)), ("design", result.design.digest)):
        ElementTree.SubElement(properties, "property", name=name, value=value)
    _whole(suite, result)
    for layer in range(len(result.design.shape.layers)):
        for stage in STAGES:
            _stage(suite, result, layer, stage)
    for name, (visited, there) in result.coverage.items():
        case = _case(suite, "coverage", name)
        ElementTree.SubElement(case, "system-out").text = f"visited {visited} of {there}"
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def proofs_xml(proofs: Sequence[Proof], design: str) -> str:
    """Return proofs as JUnit XML, a test case a claim."""
    suite = ElementTree.Element("testsuite", name="bittrue prove")
    properties = ElementTree.SubElement(suite, "properties")
    ElementTree.SubElement(properties, "property", name="design", value=design)
    for proof in proofs:
        case = ElementTree.SubElement(
            suite, "testcase", classname="bittrue.prove", name=proof.claim
        )
        case.set("time", f"{proof.seconds:.3f}")
        if proof.status is not Status.PROVEN:
            _fail(case, proof.status.value, proof.different or "")
    suite.set("tests", str(len(proofs)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def training_xml(result: SideBySide, seed: int) -> str:
    """Return training in gates as JUnit XML: one test case, all words of all steps."""
    suite = ElementTree.Element("testsuite", name="bittrue train", tests="1")
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("seed", str(seed)), ("learned", result.learned.digest)):
        ElementTree.SubElement(properties, "property", name=name, value=value)
    name = f"all words of {result.steps} steps"
    case = ElementTree.SubElement(suite, "testcase", classname="bittrue.train", name=name)
    comparison = result.comparison
    if comparison is not None and comparison.differing:
        message = f"{comparison.compared} words compared, {comparison.differing} differ"
        _fail(case, message, str(comparison.first))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, group: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=f"bittrue.verify.{group}", name=name)


def _whole(suite: ElementTree.Element, result: Verification | WholeSet) -> None:
    case = _case(suite, "words", "all words")
    if not result.passed:
        first = result.first_divergence
        message = f"{result.compared} words compared, {result.differing} differ"
        _fail(case, message, "" if first is None else str(first))


def _stage(
    suite: ElementTree.Element, result: Verification | WholeSet, layer: int, stage: str
) -> None:
    case = _case(suite, f"layer {layer}", stage)
    found: list[Divergence] = [
        divergence
        for divergence in result.comparison.divergences
        if (divergence.layer, divergence.stage) == (layer, stage)
    ]
    if found:
        _fail(case, found[0].line, "\n".join(map(str, found)))


def _fail(case: ElementTree.Element, message: str, text: str) -> None:
    ElementTree.SubElement(case, "failure", message=message).text = text
