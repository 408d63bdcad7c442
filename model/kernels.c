/* Layers on 16-bit codes: products summed modulo 2**32, requantization and curve by one table.

The caller has proven that every final sum lies below 2**31, so that sums modulo 2**32 are right.
Samples are taken BLOCK at a time and lie side by side: the codes of a block are kept as
[pairs of inputs][samples][2], which is what a multiply-add of pairs takes, and what the lookups of
the layer before write. Every path below gives the same bits. */

#include <stdint.h>
#include <string.h>

#if defined(__AVX512VNNI__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#define BLOCK 48

struct layer {
    int64_t inputs, outputs;
    const int32_t *weights;   /* pairs of int16: [group of NEURONS][pair][neuron] */
    const int32_t *constants; /* added to each shifted sum, modulo 2**32 */
    int64_t shift;            /* to the left, of the sum of products */
    int64_t drop, probe, mask, add; /* rounding: what is cut, and what is added before */
    int64_t first, last;      /* rounded codes that the table begins and ends with */
    int64_t wrap;             /* table size - 1 where codes wrap, else 0 */
    const int16_t *table;     /* output codes by rounded codes and one more, or NULL for the bare sum */
    int64_t offset;           /* what was taken from the table's codes to fit 16 bits */
};

#if defined(__AVX512VNNI__)
#define NEURONS 8
#define VECTORS 3
#define LANES 16
typedef __m512i vector;
#define ZERO() _mm512_setzero_si512()
#define LOAD(p) _mm512_loadu_si512((const void *)(p))
#define STORE(p, v) _mm512_storeu_si512((void *)(p), v)
#define SPREAD(w) _mm512_set1_epi32(w)
#define MULTIPLY_ADD(s, x, w) _mm512_dpwssd_epi32(s, x, w)
#elif defined(__AVX2__)
#define NEURONS 4
#define VECTORS 2
#define LANES 8
typedef __m256i vector;
#define ZERO() _mm256_setzero_si256()
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define SPREAD(w) _mm256_set1_epi32(w)
#define MULTIPLY_ADD(s, x, w) _mm256_add_epi32(s, _mm256_madd_epi16(x, w))
#else
#define NEURONS 4
#define VECTORS 1
#define LANES 4
typedef struct { uint32_t at[LANES]; } vector;
static inline vector ZERO(void) { return (vector){{0}}; }
static inline vector LOAD(const void *p) { vector v; memcpy(&v, p, sizeof v); return v; }
static inline void STORE(void *p, vector v) { memcpy(p, &v, sizeof v); }
static inline vector SPREAD(int32_t w)
{
    vector v;
    for (int n = 0; n < LANES; n++) v.at[n] = (uint32_t)w;
    return v;
}
static inline vector MULTIPLY_ADD(vector s, vector x, vector w)
{
    for (int n = 0; n < LANES; n++)
        s.at[n] += (uint32_t)((int16_t)x.at[n] * (int16_t)w.at[n])
                 + (uint32_t)((int16_t)(x.at[n] >> 16) * (int16_t)(w.at[n] >> 16));
    return s;
}
#endif

int64_t neurons_in_a_group(void) { return NEURONS; }

/* Sum the products of some neurons over one tile of samples. */
static inline __attribute__((always_inline)) void
tile(const int neurons, const int32_t *x, const int32_t *w, int64_t pairs, int32_t *sums)
{
    vector sum[NEURONS][VECTORS];
    for (int n = 0; n < neurons; n++)
        for (int v = 0; v < VECTORS; v++) sum[n][v] = ZERO();
    for (int64_t p = 0; p < pairs; p++, x += BLOCK, w += neurons) {
        vector in[VECTORS];
        for (int v = 0; v < VECTORS; v++) in[v] = LOAD(x + v * LANES);
#pragma GCC unroll 8
        for (int n = 0; n < neurons; n++) {
            vector weight = SPREAD(w[n]);
            for (int v = 0; v < VECTORS; v++) sum[n][v] = MULTIPLY_ADD(sum[n][v], in[v], weight);
        }
    }
    for (int n = 0; n < neurons; n++)
        for (int v = 0; v < VECTORS; v++) STORE(sums + n * BLOCK + v * LANES, sum[n][v]);
}

static void
products(int64_t neurons, const int32_t *x, const int32_t *w, int64_t pairs, int32_t *sums)
{
    for (int64_t at = 0; at < BLOCK; at += VECTORS * LANES)
        switch (neurons) {
        case 1: tile(1, x + at, w, pairs, sums + at); break;
        case 2: tile(2, x + at, w, pairs, sums + at); break;
        case 3: tile(3, x + at, w, pairs, sums + at); break;
#if NEURONS == 8
        case 4: tile(4, x + at, w, pairs, sums + at); break;
        case 5: tile(5, x + at, w, pairs, sums + at); break;
        case 6: tile(6, x + at, w, pairs, sums + at); break;
        case 7: tile(7, x + at, w, pairs, sums + at); break;
#endif
        default: tile(NEURONS, x + at, w, pairs, sums + at);
        }
}

/* Turn one neuron's sums into places in the table. Nothing overflows but what may wrap. */
static inline void places(const struct layer *l, int32_t constant, int32_t *sums)
{
    const int shift = (int)l->shift, drop = (int)l->drop, probe = (int)l->probe;
    const int32_t mask = (int32_t)l->mask, first = (int32_t)l->first, last = (int32_t)l->last;
    const uint32_t add = (uint32_t)l->add, cut = ((uint32_t)1 << drop) - 1;
    const uint32_t wrap = (uint32_t)l->wrap;
    for (int s = 0; s < BLOCK; s++) {
        int32_t sum = (int32_t)(((uint32_t)sums[s] << shift) + (uint32_t)constant);
        uint32_t below = ((uint32_t)sum & cut) + add + (uint32_t)((sum >> probe) & mask);
        sums[s] = (sum >> drop) + (int32_t)(below >> drop);
    }
    if (wrap) {
        for (int s = 0; s < BLOCK; s++)
            sums[s] = (int32_t)(((uint32_t)sums[s] - (uint32_t)first) & wrap);
    } else {
        for (int s = 0; s < BLOCK; s++) {
            int32_t fitted = sums[s] < first ? first : sums[s];
            sums[s] = (fitted > last ? last : fitted) - first;
        }
    }
}

/* Write the codes of two neurons where the next layer reads them as a pair. */
static inline void
hand_on(const int16_t *table, const int32_t *even, const int32_t *odd, int32_t *next)
{
#if defined(__AVX512VNNI__)
    for (int s = 0; s < BLOCK; s += 16) {
        /* what a gather reads beyond its 16 bits is masked or shifted out */
        __m512i low = _mm512_i32gather_epi32(LOAD(even + s), (const void *)table, 2);
        __m512i high = ZERO();
        if (odd) high = _mm512_i32gather_epi32(LOAD(odd + s), (const void *)table, 2);
        low = _mm512_and_si512(low, SPREAD(0xffff));
        STORE(next + s, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
#else
    int16_t *out = (int16_t *)next;
    for (int s = 0; s < BLOCK; s++) {
        out[2 * s] = table[even[s]];
        out[2 * s + 1] = odd ? table[odd[s]] : 0;
    }
#endif
}

/* Write one neuron's codes, or its bare sums, into the result. */
static inline void
give_out(const struct layer *l, const int32_t *at, int64_t samples, int64_t *result)
{
    for (int64_t s = 0; s < samples; s++) result[s * l->outputs] = l->table[at[s]] + l->offset;
}

static inline void
give_sums(const struct layer *l, int32_t constant, const int32_t *sums, int64_t samples, int64_t *result)
{
    for (int64_t s = 0; s < samples; s++)
        result[s * l->outputs] =
            (int32_t)(((uint32_t)sums[s] << l->shift) + (uint32_t)constant);
}

/* Take a block through one layer: into `next`, or, from the last one, into `result`. */
static void
evaluate(const struct layer *l, const int32_t *x, int32_t *next, int64_t samples, int64_t *result)
{
    int64_t pairs = (l->inputs + 1) / 2;
    int32_t sums[NEURONS * BLOCK];
    for (int64_t n = 0; n < l->outputs; n += NEURONS) {
        int64_t neurons = l->outputs - n < NEURONS ? l->outputs - n : NEURONS;
        products(neurons, x, l->weights + n * pairs, pairs, sums);
        for (int64_t k = 0; k < neurons; k++) {
            int32_t *row = sums + k * BLOCK, constant = l->constants[n + k];
            if (!l->table) {
                give_sums(l, constant, row, samples, result + n + k);
                continue;
            }
            places(l, constant, row);
            if (result) give_out(l, row, samples, result + n + k);
        }
        for (int64_t k = 0; !result && k < neurons; k += 2) {
            int32_t *row = sums + k * BLOCK, *odd = k + 1 < neurons ? row + BLOCK : 0;
            hand_on(l->table, row, odd, next + (n + k) / 2 * BLOCK);
        }
    }
}

#if defined(__AVX512VNNI__)
/* Turn 16 rows of 16 words into 16 columns. */
static void turn(const int32_t *rows, int64_t stride, int32_t *columns)
{
    __m512i a[16], b[16];
    for (int n = 0; n < 16; n++) a[n] = LOAD(rows + n * stride);
    for (int n = 0; n < 16; n += 2) {
        b[n] = _mm512_unpacklo_epi32(a[n], a[n + 1]);
        b[n + 1] = _mm512_unpackhi_epi32(a[n], a[n + 1]);
    }
    for (int n = 0; n < 16; n += 4)
        for (int k = 0; k < 2; k++) {
            a[n + 2 * k] = _mm512_unpacklo_epi64(b[n + k], b[n + 2 + k]);
            a[n + 2 * k + 1] = _mm512_unpackhi_epi64(b[n + k], b[n + 2 + k]);
        }
    for (int n = 0; n < 16; n += 8)
        for (int k = 0; k < 4; k++) {
            b[n + k] = _mm512_shuffle_i32x4(a[n + k], a[n + 4 + k], 0x88);
            b[n + 4 + k] = _mm512_shuffle_i32x4(a[n + k], a[n + 4 + k], 0xdd);
        }
    for (int k = 0; k < 8; k++) {
        a[k] = _mm512_shuffle_i32x4(b[k], b[8 + k], 0x88);
        a[8 + k] = _mm512_shuffle_i32x4(b[k], b[8 + k], 0xdd);
    }
    for (int n = 0; n < 16; n++) STORE(columns + n * BLOCK, a[n]);
}
#endif

/* Narrow one row to 16 bits, less an offset, and keep its ends. */
static inline void
narrow(const int64_t *row, int64_t inputs, int64_t offset, int16_t *out, int64_t *low, int64_t *high)
{
    int64_t least = *low, most = *high;
    for (int64_t i = 0; i < inputs; i++) {
        int64_t code = row[i];
        least = code < least ? code : least;
        most = code > most ? code : most;
        out[i] = (int16_t)(uint16_t)((uint64_t)code - (uint64_t)offset);
    }
    *low = least, *high = most;
}

#define FEW 16    /* codes of a row that is too short for loops over it */
#define STRIP 256 /* codes of a row that are turned at a time */

/* Bring rows of few codes into pairs: narrowed as they lie, then spread. */
static void take_in_few(const int64_t *codes, int64_t samples, int64_t inputs, int64_t offset,
                        int32_t *pairs, int64_t ends[2])
{
    int16_t flat[BLOCK * FEW], *to = (int16_t *)pairs;
    narrow(codes, samples * inputs, offset, flat, ends, ends + 1);
    for (int64_t i = 0; i < inputs; i++)
        for (int64_t s = 0; s < samples; s++)
            to[i / 2 * 2 * BLOCK + 2 * s + i % 2] = flat[s * inputs + i];
    for (int64_t s = 0; inputs % 2 && s < samples; s++) to[(inputs - 1) * BLOCK + 2 * s + 1] = 0;
}

/* Bring rows of codes into pairs, and work out the ends of what was read. */
static void take_in(const int64_t *codes, int64_t samples, int64_t inputs, int64_t offset,
                    int32_t *pairs, int64_t ends[2])
{
    int32_t rows[16][STRIP / 2];
    if (samples % 16) memset(rows, 0, sizeof rows);
    for (int64_t start = 0; start < inputs; start += STRIP) {
        int64_t width = inputs - start < STRIP ? inputs - start : STRIP, words = (width + 1) / 2;
        for (int64_t s = 0; s < samples; s += 16) {
            int64_t height = samples - s < 16 ? samples - s : 16, p = 0;
            for (int64_t r = 0; r < height; r++) {
                rows[r][words - 1] = 0;
                narrow(codes + (s + r) * inputs + start, width, offset, (int16_t *)rows[r], ends,
                       ends + 1);
            }
            int32_t *to = pairs + start / 2 * BLOCK + s;
#if defined(__AVX512VNNI__)
            for (; p + 16 <= words; p += 16) turn(rows[0] + p, STRIP / 2, to + p * BLOCK);
#endif
            for (; p < words; p++)
                for (int64_t r = 0; r < 16; r++) to[p * BLOCK + r] = rows[r][p];
        }
    }
}

/* Take samples through layers; return how many were done before a block with a code outside
`low` to `high`. `scratch` holds two blocks of the widest layer, `words` each. */
int64_t run(const int64_t *codes, int64_t samples, int64_t low, int64_t high, int64_t offset,
            const struct layer *layers, int64_t count, int32_t *scratch, int64_t words,
            int64_t *result)
{
    for (int64_t done = 0; done < samples; done += BLOCK) {
        int64_t rows = samples - done < BLOCK ? samples - done : BLOCK;
        int32_t *x = scratch, *next = scratch + words;
        int64_t seen[2] = {INT64_MAX, INT64_MIN};
        (layers->inputs <= FEW ? take_in_few : take_in)(
            codes + done * layers->inputs, rows, layers->inputs, offset, x, seen);
        if (seen[0] < low || seen[1] > high) return done;
        for (const struct layer *l = layers; l < layers + count; l++) {
            int64_t *out = l + 1 == layers + count ? result + done * l->outputs : 0;
            evaluate(l, x, next, rows, out);
            int32_t *swap = x;
            x = next, next = swap;
        }
    }
    return samples;
}
