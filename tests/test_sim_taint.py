from itertools import product

import numpy as np
import pytest

from bittrue.sim.bits import evaluated
from bittrue.sim.gates import Gates
from bittrue.sim.literals import Literals, settled
from bittrue.sim.taint import tainted

INPUTS, REGISTERS, GATES = 2, 3, 12
OPERANDS = {0: 2, 1: 2, 2: 2, 3: 2, 4: 1, 5: 3}


def drawn_gates(seed):
    """Return a netlist of drawn gates, whose last input chooses the faulty machine."""
    rng = np.random.default_rng(seed)
    first = 2 + INPUTS + 1 + REGISTERS
    gates = np.zeros((GATES, 4), dtype=np.int32)
    for n, row in enumerate(gates):
        row[0] = rng.integers(6)
        count = OPERANDS[int(row[0])]
        # the newest often, so that gates stand behind each other
        row[1 : 1 + count] = [
            rng.integers(first, first + n) if n and rng.random() < 0.6 else rng.integers(2, first)
            for _ in range(count)
        ]
    registers = [[2 + INPUTS + 1 + n, first + GATES - 1 - n] for n in range(REGISTERS)]
    return Gates(
        gates=gates,
        registers=np.array(registers, dtype=np.int32),
        initial=np.zeros(REGISTERS, dtype=np.bool_),
        inputs={"i": list(range(2, 2 + INPUTS)), "chosen": [2 + INPUTS]},
        outputs={},
        names={},
    )


def values_of(gates, inputs, registers, chosen):
    """Return what each slot is."""
    slots = [0, 1, *inputs, chosen, *registers]
    for kind, a, b, c in gates.gates.tolist():
        x, y, z = slots[a], slots[b], slots[c]
        slots.append([x & y, x | y, x ^ y, 1 - (x ^ y), 1 - x, y if z else x][kind])
    return slots


@pytest.mark.parametrize("seed", range(40))
def test_whatever_differs_is_tainted(seed):
    gates, logic = drawn_gates(seed), Literals()
    inputs, registers = ([logic.var() for _ in range(n)] for n in (INPUTS, REGISTERS))
    apart = {0: logic.var(), 1: logic.var()}
    sources = dict(enumerate([*inputs, 0, *registers], 2))
    true, alone = (settled(logic, gates, sources | {2 + INPUTS: n}) for n in (0, 1))
    differing = {int(gates.registers[r, 0]): bit for r, bit in apart.items()}
    taints = tainted(logic, gates, true, alone, differing)
    for given in product((0, 1), repeat=INPUTS + REGISTERS + len(apart)):
        now, held, up = given[:INPUTS], given[INPUTS:-2], given[-2:]
        right = values_of(gates, now, held, 0)
        at = dict(zip([*inputs, *registers, *apart.values()], map(bool, given), strict=True))
        found = evaluated(logic, taints, {n >> 1: v for n, v in at.items()})
        for flips in product((0, 1), repeat=2):
            own = [held[0] ^ flips[0] & up[0], held[1] ^ flips[1] & up[1], held[2]]
            wrong = values_of(gates, now, own, 1)
            for slot, taint in enumerate(taints):
                if right[slot] != wrong[slot]:
                    assert found[taint >> 1] ^ bool(taint & 1)


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_tainted_where_nothing_differs(seed):
    gates, logic = drawn_gates(seed), Literals()
    true = settled(logic, gates, {slot: logic.var() for slot in range(2, gates.first_gate)})
    assert set(tainted(logic, gates, true, true, {})) == {0}
