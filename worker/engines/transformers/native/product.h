/* Multiplies rows of bfloat16 numbers with a weight, on processors with AVX512-BF16.
 *
 * A weight lies in consecutive panels of WIDE outputs: for each pair of inputs the two numbers of each output. It is
 * read once, from beginning to end, and the next panel is prefetched while one is multiplied. A row's sums do not
 * depend on the rows beside it. Sums are floats.
 */
#pragma once
#include "number.h"

#include <immintrin.h>
#include <stdatomic.h>

#ifndef __AVX512BF16__
#error "the processor has no instructions for products of bfloat16 numbers"
#endif
#ifdef __AMX_BF16__
#error "the processor has AMX, which oneDNN uses"
#endif

enum {
    WIDE = 32,       /* outputs in a panel: two registers of floats */
    TALL = 14,       /* rows at once: their sums and operands fill the 32 registers */
    HIGH = 8 * TALL, /* rows multiplied with all panels before the next rows */
    PAIR = 2 * WIDE, /* numbers of a panel for a pair of inputs */
};

struct weight {
    const number *panels, *bias; /* `bias` may be null */
    int64_t in, out;
};

/* What to prefetch meanwhile: whole pairs of a panel. */
struct ahead {
    const number *from, *to;
};

static inline __attribute__((always_inline)) void tile_of(const int rows, const number *left, int64_t stride,
                                                          const number *panel, int64_t pairs, struct ahead ahead,
                                                          float *sums, int64_t width)
{
    __m512 low[TALL], high[TALL];
#pragma GCC unroll 14
    for (int row = 0; row < rows; row++)
        low[row] = high[row] = _mm512_setzero_ps();
    for (int64_t pair = 0; pair < pairs; pair++, panel += PAIR) {
        __m512bh first = (__m512bh)_mm512_loadu_si512(panel), second = (__m512bh)_mm512_loadu_si512(panel + WIDE);
        if (ahead.from < ahead.to) {
            _mm_prefetch(ahead.from, _MM_HINT_T1);
            _mm_prefetch(ahead.from + WIDE, _MM_HINT_T1);
            ahead.from += PAIR;
        }
#pragma GCC unroll 14
        for (int row = 0; row < rows; row++) {
            int32_t two;
            memcpy(&two, left + row * stride + 2 * pair, sizeof two);
            __m512bh both = (__m512bh)_mm512_set1_epi32(two);
            low[row] = _mm512_dpbf16_ps(low[row], both, first);
            high[row] = _mm512_dpbf16_ps(high[row], both, second);
        }
    }
#pragma GCC unroll 14
    for (int row = 0; row < rows; row++) {
        _mm512_storeu_ps(sums + row * width, low[row]);
        _mm512_storeu_ps(sums + row * width + WIDE / 2, high[row]);
    }
}

/* Sum at most TALL rows over a panel, with `width` floats from one row's sums to the next. */
static void tile(int64_t rows, const number *left, int64_t stride, const number *panel, int64_t pairs,
                 struct ahead ahead, float *sums, int64_t width)
{
    switch (rows) {
#define TILE(count)                                                                                                    \
    case count:                                                                                                        \
        tile_of(count, left, stride, panel, pairs, ahead, sums, width);                                                \
        break;
        TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7)
        TILE(8) TILE(9) TILE(10) TILE(11) TILE(12) TILE(13) TILE(14)
#undef TILE
    }
}

/* Work shared by threads: each fetches the next piece when it is done with one. */
typedef atomic_long shared_work;

static inline int64_t next_piece(shared_work *work) { return atomic_fetch_add_explicit(work, 1, memory_order_relaxed); }

/* Turns the sums of some rows and at most WIDE outputs into results. With two weights there are
 * sums of each.
 */
typedef void finisher(void *results, float (*sums)[TALL * WIDE], int64_t row, int64_t rows, int64_t output,
                      int64_t outputs);

/* Multiply this thread's part of `count` rows with one weight, or with two of the same shape. */
static inline __attribute__((always_inline)) void multiply(const number *left, int64_t count,
                                                           const struct weight *const *weights, const int together,
                                                           shared_work *work, finisher *finish, void *results)
{
    int64_t in = weights[0]->in, out = weights[0]->out, panels = (out + WIDE - 1) / WIDE, size = in * WIDE;
    int64_t all = panels * ((count + HIGH - 1) / HIGH), next;
    float sums[2][TALL * WIDE];

    for (int64_t now = next_piece(work); now < all; now = next) {
        next = next_piece(work);
        int64_t panel = now % panels, top = now / panels * HIGH, rows = count - top < HIGH ? count - top : HIGH;
        int64_t tiles = (rows + TALL - 1) / TALL, part = size / tiles / PAIR * PAIR;
        for (int64_t place = 0; place < tiles; place++) {
            int64_t row = top + rows * place / tiles, end = top + rows * (place + 1) / tiles;
            for (int which = 0; which < together; which++) {
                const number *own = weights[which]->panels;
                struct ahead ahead = {own + next % panels * size + place * part, 0};
                ahead.to = ahead.from + (next < all ? part : 0);
                tile(end - row, left + row * in, in, own + panel * size, in / 2, ahead, sums[which], WIDE);
            }
            int64_t outputs = out - panel * WIDE < WIDE ? out - panel * WIDE : WIDE;
            finish(results, sums, row, end - row, panel * WIDE, outputs);
        }
    }
}
