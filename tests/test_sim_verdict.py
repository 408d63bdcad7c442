"""What counts as passed."""

import pytest

from bittrue.sim.compare import Comparison
from bittrue.sim.timing import Timing
from bittrue.sim.verdict import Verdict


@pytest.mark.parametrize(
    ("comparison", "passed"),
    [
        (Comparison(compared=5), True),
        (Comparison(), False),
        (Comparison(compared=5, differing=1, missing=1), False),
        (Comparison(compared=5, stalled_at=12), False),
    ],
)
def test_nothing_compared_is_nothing_passed(comparison, passed):
    verdict = Verdict()
    verdict.comparison, verdict.timing = comparison, Timing(46, 9.0)
    assert verdict.passed is passed
    assert (verdict.compared, verdict.differing) == (comparison.compared, comparison.differing)
    assert (verdict.missing, verdict.extra) == (comparison.missing, comparison.extra)
    assert (verdict.cycles_per_query, verdict.initiation_interval) == (46, 9.0)
