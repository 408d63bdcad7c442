"""The rows that nothing beats: Pareto fronts, and the one that meets the constraints best."""

from collections.abc import Iterable, Mapping, Sequence

from bittrue.model.exceptions import BittrueError

from .space import FIGURES, Constraint, Space
from .store import Row


def _costs(figures: Mapping[str, float], names: Sequence[str]) -> tuple[float, ...]:
    """Return figures as what is to be small."""
    return tuple(-figures[name] if FIGURES[name] else figures[name] for name in names)


def front(rows: Iterable[Row], objectives: Sequence[str]) -> list[Row]:
    """Return the rows that no other beats in one objective without losing in another.

    Parameters
    ----------
    rows : iterable of Row
        Failed ones are passed over.
    objectives : sequence of str
        Figures.

    Returns
    -------
    list of Row
        From the best in the first objective on; of rows with the same figures, the one with the
        least key.
    """
    costs = ((_costs(row.figures, objectives), row.key, row) for row in rows if not row.reason)
    kept: list[tuple[tuple[float, ...], Row]] = []
    for cost, _, row in sorted(costs, key=lambda item: item[:2]):
        # sorted, so what beats a row stands before it
        if not any(all(a <= b for a, b in zip(other, cost, strict=True)) for other, _ in kept):
            kept.append((cost, row))
    return [row for _, row in kept]


def choice(rows: Iterable[Row], space: Space) -> Row:
    """Return the row that meets all constraints and has the best of the figure that chooses.

    Raises
    ------
    BittrueError
        If no row meets them; the message says which bound comes closest to be met, and by what.
    """
    good = [row for row in rows if not row.reason]
    if not good:
        raise BittrueError("a sweep must have at least one point that succeeds, got none")
    names = (space.choose, *space.objectives)
    meeting = [row for row in good if all(bound.met_by(row.figures) for bound in space.constraints)]
    if meeting:
        return min(meeting, key=lambda row: (_costs(row.figures, names), row.key))
    wanted = ", ".join(map(str, space.constraints))
    reached = ", ".join(_best(good, bound) for bound in space.constraints)
    raise BittrueError(
        f"a point must meet {wanted}, got none among {len(good)}; taken one by one they reach "
        f"{reached}"
    )


def _best(rows: Sequence[Row], bound: Constraint) -> str:
    values = [row.figures[bound.figure] for row in rows]
    return f"{bound.figure} {max(values) if bound.sign == '>=' else min(values):g}"
