"""What every verification says of its comparison and its cycles."""

from .compare import Comparison
from .divergence import Divergence
from .timing import Timing


class Verdict:
    """Short names for what a comparison found and a machine took.

    Members
    -------
    comparison : Comparison
        Of all stages.
    timing : Timing
        Cycles.
    """

    comparison: Comparison
    timing: Timing

    @property
    def compared(self) -> int:
        """Words that were held against each other."""
        return self.comparison.compared

    @property
    def differing(self) -> int:
        """Words that differ, are missing, or too many."""
        return self.comparison.differing

    @property
    def missing(self) -> int:
        """Words that never came."""
        return self.comparison.missing

    @property
    def extra(self) -> int:
        """Words that should not have come."""
        return self.comparison.extra

    @property
    def first_divergence(self) -> Divergence | None:
        """The first word that is not as expected."""
        return self.comparison.first

    @property
    def cycles_per_query(self) -> int:
        """Cycles from a lone query's first beat in to its last beat out."""
        return self.timing.latency

    @property
    def initiation_interval(self) -> float:
        """Cycles from query to query, streamed back to back."""
        return self.timing.initiation_interval

    @property
    def passed(self) -> bool:
        """Whether something was compared, and nothing differs."""
        return self.compared > 0 and self.differing == 0 and self.comparison.stalled_at is None
