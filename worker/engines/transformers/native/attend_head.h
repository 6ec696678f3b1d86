/* Attention of one token's queries for one key-value head: over the shared prefix, then over the document's own
 * columns. It reads each column that the token sees once, and no others.
 *
 * Compiled for a model: HEAD_SIZE numbers in a head, GROUP query heads to a key-value head.
 */
#pragma once
#include "number.h"

#include <stdlib.h>

enum { AHEAD = 16, LINE = 64 }; /* columns to prefetch ahead; bytes of a cache line */

static inline void fetch(const number *column)
{
    for (int byte = 0; byte < (int)(HEAD_SIZE * sizeof *column); byte += LINE)
        __builtin_prefetch((const char *)column + byte);
}

/* Multiply GROUP queries with `columns` keys: scores[query * stride + column]. */
static void score(const float *queries, const number *keys, int64_t columns, float *scores, int64_t stride)
{
    for (int64_t column = 0; column < columns; column++, keys += HEAD_SIZE) {
        float sums[GROUP] = {0};
        fetch(keys + AHEAD * HEAD_SIZE);
        for (int place = 0; place < HEAD_SIZE; place++) {
            float key = widen(keys[place]);
            for (int query = 0; query < GROUP; query++)
                sums[query] += queries[query * HEAD_SIZE + place] * key;
        }
        for (int query = 0; query < GROUP; query++)
            scores[query * stride + column] = sums[query];
    }
}

/* Add the weighted values to `mixed`. */
static void mix(const float *weights, int64_t stride, const number *values, int64_t columns, float *mixed)
{
    for (int64_t column = 0; column < columns; column++, values += HEAD_SIZE) {
        fetch(values + AHEAD * HEAD_SIZE);
        for (int query = 0; query < GROUP; query++) {
            float weight = weights[query * stride + column];
            for (int place = 0; place < HEAD_SIZE; place++)
                mixed[query * HEAD_SIZE + place] += weight * widen(values[place]);
        }
    }
}

/* Attend for one key-value head of one document. `oldest` is the first position that the token sees, with
 * the prefix.
 */
static void attend_head(const float *queries, const number *prefix_keys, const number *prefix_values, int64_t shared,
                        const number *keys, const number *values, int64_t own, int64_t oldest, number *output)
{
    int64_t skipped = oldest < shared ? positive(oldest) : shared, unseen = positive(oldest - shared);
    int64_t before = shared - skipped, after = own - unseen, columns = before + after;
    float *scores = malloc(GROUP * columns * sizeof *scores), mixed[GROUP * HEAD_SIZE] = {0}, sums[GROUP];

    score(queries, prefix_keys + skipped * HEAD_SIZE, before, scores, columns);
    score(queries, keys + unseen * HEAD_SIZE, after, scores + before, columns);
    for (int query = 0; query < GROUP; query++) {
        sums[query] = exponentials(scores + query * columns, columns);
        for (int64_t column = 0; column < columns; column++)
            scores[query * columns + column] = rounded(scores[query * columns + column]);
    }
    mix(scores, columns, prefix_values + skipped * HEAD_SIZE, before, mixed);
    mix(scores + before, columns, values + unseen * HEAD_SIZE, after, mixed);
    for (int place = 0; place < GROUP * HEAD_SIZE; place++)
        output[place] = narrow(mixed[place] / sums[place / HEAD_SIZE]);
    free(scores);
}
