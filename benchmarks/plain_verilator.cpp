// A plain Verilator harness: one model, clock up, clock down, nothing else.
// usage: plain STIMULUS REPEAT
#include "Vnetwork.h"
#include "verilated.h"
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

template <class T> static void put(T &port, const uint64_t *words) { port = (T)words[0]; }
template <std::size_t N> static void put(VlWide<N> &port, const uint64_t *words) {
    for (std::size_t n = 0; n < N; n++) port[n] = (uint32_t)(words[n / 2] >> (n % 2 * 32));
}
template <class T> static uint64_t bit(const T &port, int at) { return (uint64_t)port >> at & 1; }
template <std::size_t N> static uint64_t bit(const VlWide<N> &port, int at) {
    return port[at / 32] >> (at % 32) & 1;
}
template <class T> static uint64_t low(const T &port) { return (uint64_t)port; }
template <std::size_t N> static uint64_t low(const VlWide<N> &port) { return port[0]; }

static uint64_t cycles = 0;
static void tick(Vnetwork *top) {
    top->clk = 1;
    top->eval();
    top->clk = 0;
    top->eval();
    cycles++;
}

int main(int argc, char **argv) {
    FILE *file = fopen(argv[1], "rb");
    uint64_t head[6]; // loads, beats, samples, words of a load, words of a beat, bit of last
    if (!file || fread(head, 8, 6, file) != 6) return 1;
    std::vector<uint64_t> loads(head[0] * head[3]), beats(head[1] * head[4]);
    if (fread(loads.data(), 8, loads.size(), file) != loads.size()) return 1;
    if (fread(beats.data(), 8, beats.size(), file) != beats.size()) return 1;
    int repeat = argc > 2 ? atoi(argv[2]) : 1;
    VerilatedContext context;
    Vnetwork *top = new Vnetwork{&context};
    top->hold = 1;
    top->o___05Fready = 1;
    top->clk = 0;
    top->eval();
    while (!top->idle) tick(top);
    for (uint64_t n = 0; n < head[0]; n++) {
        put(top->load___05Fpayload, &loads[n * head[3]]);
        top->load___05Fvalid = 1;
        top->eval();
        bool taken;
        do { taken = top->load___05Fready; tick(top); } while (!taken);
    }
    top->load___05Fvalid = 0;
    uint64_t loaded = cycles, sum = 0;
    top->hold = 0;
    auto start = std::chrono::steady_clock::now();
    for (int round = 0; round < repeat; round++) {
        uint64_t at = 0, done = 0;
        while (done < head[2]) {
            if (at < head[1]) put(top->i___05Fpayload, &beats[at * head[4]]);
            top->i___05Fvalid = at < head[1];
            bool taken = top->i___05Fready && top->i___05Fvalid;
            bool out = top->o___05Fvalid;
            if (out) {
                sum = sum * 31 + low(top->o___05Fpayload);
                done += bit(top->o___05Fpayload, (int)head[5]);
            }
            tick(top);
            at += taken;
        }
    }
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    printf("%.4f s, %.0f cycles/s, %.0f inferences/s, check %016llx\n", seconds, (cycles - loaded) / seconds,
           head[2] * repeat / seconds, (unsigned long long)sum);
    delete top;
}
