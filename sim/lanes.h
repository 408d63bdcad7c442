// The driver at the ports of a model that goes through a cycle in many lanes at once: the protocol
// of every engine's test bench. It stands behind the model's source, which defines LANES, model,
// power_up and step, and behind what tells the shape of the network's ports.

typedef struct { int64_t *words; int64_t used, room; } list;
typedef struct { __uint128_t state, step; } generator;

typedef struct {
    model m;
    code rows[BEATS * SIMD][LANES];
    generator source, sink;
    double stalls;
    int64_t cycle, moved, cycle_before, moved_before, limit, begun, finished;
    list logs[LOGS + 1];
} driver;

/* numpy's PCG64, so that every engine sees the same stalls */
static double drawn(generator *g)
{
    const __uint128_t factor =
        ((__uint128_t)UINT64_C(0x2360ED051FC65DA4) << 64) | UINT64_C(0x4385DF649FCCF645);
    g->state = g->state * factor + g->step;
    uint64_t mixed = (uint64_t)(g->state >> 64) ^ (uint64_t)g->state;
    int by = (int)(g->state >> 122);
    mixed = mixed >> by | mixed << (-by & 63);
    return (double)(mixed >> 11) * (1.0 / 9007199254740992.0);
}

static int64_t *room(list *log, int64_t count)
{
    if (log->used + count > log->room) {
        log->room = 2 * log->room + count + 4096;
        log->words = realloc(log->words, (size_t)log->room * sizeof *log->words);
        if (!log->words) abort();
    }
    log->used += count;
    return log->words + log->used - count;
}

static void record(driver *d, int number, const int64_t *pieces, int64_t count)
{
    int64_t *place = room(&d->logs[number], 1 + count * LANES);
    place[0] = d->cycle;
    memcpy(place + 1, pieces, (size_t)(count * LANES) * sizeof *pieces);
    d->moved = d->cycle;
    if (!number) d->finished += d->m.y_o__payload[LAST];
}

static void note(driver *d);

#define SHOWN __attribute__((visibility("default")))

static void tick(driver *d)
{
    step(&d->m, 1);
    d->cycle_before = d->cycle;
    d->moved_before = d->moved;
    if (d->m.y_i__ready[0] & d->m.x_i__valid[0]) {
        *room(&d->logs[LOGS], 1) = d->cycle;
        d->moved = d->cycle;
    }
    if (d->m.y_load__ready[0] & d->m.x_load__valid[0]) d->moved = d->cycle;
    note(d);
    d->cycle++;
    if (d->stalls > 0) d->m.x_o__ready[0] = drawn(&d->sink) >= d->stalls;
}

static int until(driver *d, const int64_t *flag)
{
    do {
        tick(d);
        if (d->cycle_before - d->moved_before > d->limit) return 1;
    } while (!*flag);
    return 0;
}

SHOWN driver *lanes_create(int64_t limit, double stalls, const uint64_t *seeds)
{
    driver *d = aligned_alloc(64, (sizeof *d + 63) / 64 * 64);
    if (!d) return d;
    memset(d, 0, sizeof *d);
    power_up(&d->m);
    d->source.state = (__uint128_t)seeds[0] << 64 | seeds[1];
    d->source.step = (__uint128_t)seeds[2] << 64 | seeds[3];
    d->sink.state = (__uint128_t)seeds[4] << 64 | seeds[5];
    d->sink.step = (__uint128_t)seeds[6] << 64 | seeds[7];
    d->limit = limit;
    d->stalls = stalls;
    d->m.x_o__ready[0] = 1;
    return d;
}

SHOWN void lanes_destroy(driver *d)
{
    for (int n = 0; n <= LOGS; n++) free(d->logs[n].words);
    free(d);
}

SHOWN int lanes_hold(driver *d)
{
    d->m.x_hold[0] = 1;
    return until(d, d->m.y_idle);
}

SHOWN int lanes_load(driver *d, const int64_t *requests, int64_t count)
{
    for (int64_t n = 0; n < count; n++) {
        memcpy(d->m.x_load__payload, requests + n * FIELDS, FIELDS * sizeof *requests);
        d->m.x_load__valid[0] = 1;
        if (until(d, d->m.y_load__ready)) return 1;
    }
    d->m.x_load__valid[0] = 0;
    return 0;
}

SHOWN void lanes_start(driver *d)
{
    for (int n = 0; n <= LOGS; n++) d->logs[n].used = 0;
    d->begun = d->finished = 0;
}

SHOWN void lanes_release(driver *d) { d->m.x_hold[0] = 0; }

/* Stream samples, LANES at a time; lanes without one stay zero. */
SHOWN int lanes_feed(driver *d, const int64_t *codes, int64_t samples)
{
    for (int64_t first = 0; first < samples; first += LANES) {
        int64_t lanes = samples - first < LANES ? samples - first : LANES;
        d->begun++;
        memset(d->rows, 0, sizeof d->rows);
        for (int64_t l = 0; l < lanes; l++)
            for (int64_t n = 0; n < INPUTS; n++)
                d->rows[n][l] = (code)codes[(first + l) * INPUTS + n];
        for (int64_t beat = 0; beat < BEATS; beat++) {
            while (d->stalls > 0 && drawn(&d->source) < d->stalls) tick(d);
            memcpy(d->m.X_i__payload, d->rows[beat * SIMD], SIMD * sizeof d->rows[0]);
            d->m.x_i__payload[SIMD] = beat == BEATS - 1;
            d->m.x_i__valid[0] = 1;
            if (until(d, d->m.y_i__ready)) return 1;
            d->m.x_i__valid[0] = 0;
        }
    }
    return 0;
}

SHOWN int lanes_drain(driver *d)
{
    const int64_t met = 1;
    while (d->finished < d->begun)
        if (until(d, &met)) return 1;
    return 0;
}

/* Read and clear the counts at the first addresses, LANES words each. */
SHOWN void lanes_counts(driver *d, int64_t *counts, int64_t count)
{
#ifdef COUNTED
    d->m.want = 1;
    for (int64_t n = 0; n <= count; n++) {
        if (n < count) d->m.x_count_address[0] = n;
        else d->m.x_count_clear[0] = 1;
        tick(d);
        if (n) memcpy(counts + (n - 1) * LANES, d->m.Y_count, sizeof d->m.Y_count);
    }
    d->m.x_count_clear[0] = 0;
    d->m.want = 0;
#endif
}

SHOWN int lanes_framing_error(driver *d)
{
    step(&d->m, 0);
    return (int)d->m.y_framing_error[0];
}

SHOWN int64_t lanes_cycle(const driver *d) { return d->cycle_before; }

SHOWN const int64_t *lanes_log(const driver *d, int number, int64_t *used)
{
    *used = d->logs[number].used;
    return d->logs[number].words;
}

SHOWN int64_t lanes_width(void) { return LANES; }
