// A netlist of gates, simulated for many faulty machines at once: one bit of a word is one machine.
//
// All machines are driven alike and should show the same; each is held against what is expected, in
// each cycle, until it first shows something else.

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORDS 4
typedef uint64_t lanes __attribute__((vector_size(8 * WORDS), aligned(8), may_alias));

enum { AND, OR, XOR, XNOR, NOT, MUX };

typedef struct {
    const int32_t *gates;      // rows of kind, a, b, c; the first gate's output is slot first_gate
    const int32_t *registers;  // rows of slot, slot of what it becomes
    const int32_t *inputs, *outputs;
    int32_t gate_count, first_gate, register_count, input_count, output_count;
} netlist;

static void settle(const netlist *n, lanes *slots) {
    const int32_t *gate = n->gates;
    lanes *out = slots + n->first_gate;
    for (int32_t left = n->gate_count; left; left--, gate += 4, out++) {
        lanes a = slots[gate[1]];
        switch (gate[0]) {
        case AND: *out = a & slots[gate[2]]; break;
        case OR: *out = a | slots[gate[2]]; break;
        case XOR: *out = a ^ slots[gate[2]]; break;
        case XNOR: *out = ~(a ^ slots[gate[2]]); break;
        case NOT: *out = ~a; break;
        default: *out = a ^ (slots[gate[3]] & (a ^ slots[gate[2]]));
        }
    }
}

static void edge(const netlist *n, lanes *slots, lanes *next) {
    for (int32_t r = 0; r < n->register_count; r++) next[r] = slots[n->registers[2 * r + 1]];
    for (int32_t r = 0; r < n->register_count; r++) slots[n->registers[2 * r]] = next[r];
}

// One cycle in two parts, for whoever drives each machine otherwise.
__attribute__((visibility("default"))) void sliced_settle(const netlist *n, lanes *slots) {
    settle(n, slots);
}

__attribute__((visibility("default"))) void sliced_edge(const netlist *n, lanes *slots,
                                                        lanes *next) {
    edge(n, slots, next);
}

// Drives cycles, from number `from` on, until all machines are found out. `driven`, `expected` and
// `promised` hold a byte for each bit of a cycle; `found` has a bit for each machine that has shown
// something wrong, `when` and `where` its first cycle and output bit. Returns the cycles driven.
__attribute__((visibility("default"))) int64_t sliced_run(
    const netlist *n, lanes *slots, lanes *next, const uint8_t *driven, const uint8_t *expected,
    const uint8_t *promised, int64_t from, int64_t cycles, lanes *found, int64_t *when,
    int32_t *where) {
    const lanes none = {0};
    for (int64_t cycle = 0; cycle < cycles; cycle++) {
        const uint8_t *in = driven + cycle * n->input_count;
        for (int32_t i = 0; i < n->input_count; i++) slots[n->inputs[i]] = in[i] ? ~none : none;
        settle(n, slots);
        const uint8_t *want = expected + cycle * n->output_count;
        const uint8_t *real = promised + cycle * n->output_count;
        for (int32_t o = 0; o < n->output_count; o++) {
            if (!real[o]) continue;
            lanes value = slots[n->outputs[o]];
            lanes wrong = (want[o] ? ~value : value) & ~*found;
            for (int w = 0; w < WORDS; w++) {
                for (uint64_t bits = wrong[w]; bits; bits &= bits - 1) {
                    int machine = 64 * w + __builtin_ctzll(bits);
                    when[machine] = from + cycle, where[machine] = o;
                }
            }
            *found |= wrong;
        }
        uint64_t all = ~(uint64_t)0;
        for (int w = 0; w < WORDS; w++) all &= (*found)[w];
        if (all == ~(uint64_t)0) return cycle + 1;
        edge(n, slots, next);
    }
    return cycles;
}
