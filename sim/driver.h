// Drives a compiled machine through one session after the other.
//
// Included by a generated file that defines `struct Dut` first:
//
//   constants  load_words, beat_words, output_words (64-bit words of a payload), last_bit (of an
//              output), counts (to read; 0 without counters), strobes (trace ports), strobe_words
//   inputs     hold(bit) offer(bit) beat(words) take(bit) load(bit) request(words)
//              count_address(n) count_clear(bit) answer(bit)
//   settle()   works out what is seen at the coming clock edge
//   edge()     lets the clock rise
//   seen then  idle() framing_error() accepts() gives() loads() count() output(words)
//              reads(words), which tells whether a request reads; answers(), and answer_word()
//              strobe(n, words), which tells whether trace port n shows a word
//
// Nothing here knows what is behind a Dut, nor the arithmetic of what goes in and out.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace driver {

typedef uint64_t word;

enum Phase { START, LOAD, FEED, DRAIN, EMPTY, COUNT, CLEAR };
enum Status { RUNNING, DONE, STALLED };
enum Log { ACCEPTED, OUTPUTS, COUNTS, ANSWERS, STROBES };

// Lets a cycle pass now and then: xorshift64*.
struct Stalls {
    word state = 1, threshold = 0;

    void seed(word value, word probability) {
        value += 0x9e3779b97f4a7c15u;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
        value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
        state = (value ^ (value >> 31)) | 1;
        threshold = probability;
    }
    bool now() {
        if (threshold == 0) return false;
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return state * 0x2545f4914f6cdd1du < threshold;
    }
};

struct Bench {
    Dut dut;
    Stalls source, sink;
    word cycle = 0, moved = 0, idle_limit = 0, finished = 0, samples = 0;
    word stage = 0;                                // of COUNT: addresses shown
    word unanswered = 0;                           // reads of the load port
    Phase phase = START;
    bool offered = false, taking = true, framing_error = false;
    const word *loads = nullptr, *beats = nullptr; // what is still to come
    const word *loads_end = nullptr, *beats_end = nullptr;
    std::vector<word> logs[STROBES + Dut::strobes];

    Bench() {
        dut.hold(true);
        dut.take(true);
        dut.answer(true);
    }

    void begin(const word *first_load, word load_count, const word *first_beat, word beat_count,
               word sample_count) {
        loads = first_load, loads_end = first_load + load_count * Dut::load_words;
        beats = first_beat, beats_end = first_beat + beat_count * Dut::beat_words;
        samples = sample_count, finished = 0, stage = 0;
        for (auto &log : logs) log.clear();
        enter(START);
    }

    Status run(word cycles) {
        for (; cycles; cycles--) {
            dut.settle();
            if (phase != COUNT && phase != CLEAR && cycle - moved > idle_limit) return STALLED;
            bool accepted = offered && dut.accepts(), given = taking && dut.gives();
            bool loaded = phase == LOAD && loads != loads_end && dut.loads();
            note_answer(loaded);
            word before = finished;
            if (accepted) logs[ACCEPTED].push_back(cycle);
            bool shown = strobes() | (given && note_output());
            if (accepted || loaded || shown) moved = cycle;
            if (phase == COUNT || phase == CLEAR) read_count();
            bool idle = dut.idle();
            framing_error = dut.framing_error();
            dut.edge();
            cycle++;
            if (sink.threshold) dut.take(taking = !sink.now());
            if (follow(accepted, loaded, idle, before)) return DONE;
        }
        return RUNNING;
    }

  private:
    void enter(Phase next) {
        phase = next;
        dut.hold(phase != FEED && phase != DRAIN);
        dut.load(phase == LOAD);
        if (Dut::counts) dut.count_clear(phase == CLEAR);
        if (phase == LOAD) dut.request(loads);
        if (phase == COUNT) dut.count_address(stage = 0);
    }

    // What comes after this cycle; tells whether the session is over.
    bool follow(bool accepted, bool loaded, bool idle, word finished_before) {
        switch (phase) {
        case START:
            if (!idle) return false;
            if (loads == loads_end) return begin_feed(finished_before);
            enter(LOAD);
            return false;
        case LOAD:
            if (loaded) loads += Dut::load_words;
            if (loads == loads_end) {
                dut.load(false);
                return unanswered ? false : begin_feed(finished_before);
            }
            if (loaded) dut.request(loads);
            return false;
        case FEED:
            if (accepted) beats += Dut::beat_words, offered = false;
            return feed(finished_before);
        case DRAIN:
            if (finished_before >= samples) enter(EMPTY);
            return false;
        case EMPTY:
            if (!idle) return false;
            if (!Dut::counts) return true;
            enter(COUNT);
            return false;
        case COUNT:
            if (++stage < Dut::counts)
                dut.count_address(stage);
            else
                enter(CLEAR);
            return false;
        default:
            enter(START);
            return true;
        }
    }

    bool begin_feed(word finished_before) {
        enter(FEED);
        return feed(finished_before);
    }

    // Offer the next beat, now or after a stall; without beats, wait for what is under way.
    bool feed(word finished_before) {
        if (!offered && beats != beats_end && !source.now()) {
            dut.beat(beats);
            offered = true;
        }
        dut.offer(offered);
        if (beats == beats_end) enter(finished_before < samples ? DRAIN : EMPTY);
        return false;
    }

    // A count is there one cycle after its address.
    void read_count() {
        if (phase == CLEAR || stage) logs[COUNTS].push_back(dut.count());
    }

    void note_answer(bool loaded) {
        if (dut.answers()) logs[ANSWERS].push_back(dut.answer_word()), unanswered--;
        if (loaded && Dut::reads(loads)) unanswered++;
    }

    bool note_output() {
        std::vector<word> &log = logs[OUTPUTS];
        log.push_back(cycle);
        log.resize(log.size() + Dut::output_words);
        word *words = &log[log.size() - Dut::output_words];
        dut.output(words);
        finished += words[Dut::last_bit / 64] >> Dut::last_bit % 64 & 1;
        return true;
    }

    bool strobes() {
        bool any = false;
        word words[Dut::strobe_words + 1];
        for (std::size_t n = 0; n < Dut::strobes; n++) {
            if (std::size_t count = dut.strobe(n, words)) {
                std::vector<word> &log = logs[STROBES + n];
                log.push_back(cycle);
                log.insert(log.end(), words, words + count);
                any = true;
            }
        }
        return any;
    }
};

} // namespace driver

#define EXPORT __attribute__((visibility("default")))

extern "C" {
using driver::Bench;

EXPORT Bench *bench_new() { return new Bench; }
EXPORT void bench_delete(Bench *bench) { delete bench; }

EXPORT void bench_begin(Bench *bench, const uint64_t *loads, uint64_t load_count, const uint64_t *beats,
                 uint64_t beat_count, uint64_t samples) {
    bench->begin(loads, load_count, beats, beat_count, samples);
}

EXPORT void bench_stalls(Bench *bench, uint64_t seed, uint64_t probability, uint64_t idle_limit) {
    bench->source.seed(2 * seed, probability);
    bench->sink.seed(2 * seed + 1, probability);
    bench->idle_limit = idle_limit;
}

EXPORT int bench_run(Bench *bench, uint64_t cycles) { return bench->run(cycles); }
EXPORT uint64_t bench_cycle(Bench *bench) { return bench->cycle; }
EXPORT uint64_t bench_finished(Bench *bench) { return bench->finished; }
EXPORT int bench_framing_error(Bench *bench) { return bench->framing_error; }
EXPORT uint64_t bench_log_size(Bench *bench, uint64_t log) { return bench->logs[log].size(); }
EXPORT const uint64_t *bench_log(Bench *bench, uint64_t log) { return bench->logs[log].data(); }
}
