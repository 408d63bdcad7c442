"""What may come to differ: of each gate, whether a difference in front of it can pass."""

from collections.abc import Mapping, Sequence

from .gates import Gates
from .literals import FALSE, Literals


def tainted(
    logic: Literals,
    gates: Gates,
    true: Sequence[int],
    alone: Sequence[int],
    sources: Mapping[int, int],
) -> list[int]:
    """Return, for each slot, a literal that is true wherever it can differ in a faulty machine.

    More may be true: two differences never cancel out. In return nothing has to be known of what
    the differing words hold, and where nothing differs that is plain to see, behind a multiplier
    too.

    Parameters
    ----------
    logic : Literals
        Where literals are made.
    gates : Gates
        The netlist.
    true, alone : sequence of int
        Literals of the slots of the true machine, and of the faulty one where registers hold what
        they should.
    sources : mapping from int to int
        Slot of each register that may differ, and a literal of when.
    """
    taints = [FALSE] * gates.slots
    for slot in range(gates.first_gate):
        taints[slot] = sources.get(slot, logic.differ(true[slot], alone[slot]))
    for slot, (kind, a, b, c) in enumerate(gates.gates.tolist(), gates.first_gate):
        if alone[slot] < 2:
            taints[slot] = logic.differ(true[slot], alone[slot])
        elif kind in (0, 1):
            # an operand that decides alone keeps the other's difference back
            x, y = true[a] ^ (kind == 1), true[b] ^ (kind == 1)
            taints[slot] = _through_and(logic, (x, taints[a]), (y, taints[b]))
        elif kind in (2, 3):
            taints[slot] = logic.either(taints[a], taints[b])
        elif kind == 4:
            taints[slot] = taints[a]
        elif alone[c] < 2:
            taken = b if alone[c] else a
            taints[slot] = logic.either(taints[taken], logic.differ(true[slot], true[taken]))
        else:
            chosen = (true[a], taints[a]), (true[b], taints[b]), (true[c], taints[c])
            taints[slot] = _through_mux(logic, *chosen)
    return taints


Pair = tuple[int, int]


def _through_and(logic: Literals, first: Pair, second: Pair) -> int:
    (x, tx), (y, ty) = first, second
    passed = logic.either(logic.both(tx, y), logic.both(ty, x))
    return logic.either(passed, logic.both(tx, ty))


def _through_mux(logic: Literals, first: Pair, second: Pair, select: Pair) -> int:
    (x, tx), (y, ty), (s, ts) = first, second, select
    # what may differ may be equal too: then the same operand is taken
    same = logic.choose(tx, ty, s)
    other = logic.either(logic.choose(ty, tx, s), logic.differ(x, y)) if ts else FALSE
    return logic.either(same, logic.both(ts, other))
