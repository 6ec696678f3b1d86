/* One layer's attention of one decode step, on a CPU: each document's new token over the prefix that it shares, then
 * over its own columns, and no others. Memory is read once, and only what is seen.
 *
 * Compiled for a model: HEAD_SIZE numbers in a head, GROUP query heads to a key-value head, and BFLOAT16 if those are
 * its numbers, else float. Sums are floats either way.
 */
#include "number.h"

#include <stdlib.h>

/* The products of GROUP queries with `columns` keys: scores[query * stride + column]. */
static void score(const float *queries, const number *keys, int64_t columns, float *scores, int64_t stride)
{
    for (int64_t column = 0; column < columns; column++, keys += HEAD_SIZE) {
        float sums[GROUP] = {0};
        for (int place = 0; place < HEAD_SIZE; place++) {
            float key = widen(keys[place]);
            for (int query = 0; query < GROUP; query++)
                sums[query] += queries[query * HEAD_SIZE + place] * key;
        }
        for (int query = 0; query < GROUP; query++)
            scores[query * stride + column] = sums[query];
    }
}

/* Add the values, weighed, to what is mixed already. */
static void mix(const float *weights, int64_t stride, const number *values, int64_t columns, float *mixed)
{
    for (int64_t column = 0; column < columns; column++, values += HEAD_SIZE)
        for (int query = 0; query < GROUP; query++) {
            float weight = weights[query * stride + column];
            for (int place = 0; place < HEAD_SIZE; place++)
                mixed[query * HEAD_SIZE + place] += weight * widen(values[place]);
        }
}

/* A key-value head of one document. `oldest` is the first position that the token sees, the prefix counted in. */
static void attend_head(const float *queries, const number *prefix_keys, const number *prefix_values, int64_t shared,
                        const number *keys, const number *values, int64_t own, int64_t oldest, number *output)
{
    int64_t skipped = oldest < shared ? positive(oldest) : shared, unseen = positive(oldest - shared);
    int64_t before = shared - skipped, after = own - unseen, columns = before + after;
    float *scores = malloc(GROUP * columns * sizeof *scores), mixed[GROUP * HEAD_SIZE] = {0};

    score(queries, prefix_keys + skipped * HEAD_SIZE, before, scores, columns);
    score(queries, keys + unseen * HEAD_SIZE, after, scores + before, columns);
    for (int query = 0; query < GROUP; query++)
        softmax(scores + query * columns, columns);
    mix(scores, columns, prefix_values + skipped * HEAD_SIZE, before, mixed);
    mix(scores + before, columns, values + unseen * HEAD_SIZE, after, mixed);
    for (int place = 0; place < GROUP * HEAD_SIZE; place++)
        output[place] = narrow(mixed[place]);
    free(scores);
}

/* `queries`, `new_keys` and `new_values` are documents x heads x HEAD_SIZE, a document `*_stride` numbers after the
 * other; so is `output`, without gaps. `keys` and `values` are slots x heads x columns x HEAD_SIZE. By document:
 * its slot, its own columns before this token, the columns of its prefix, and that one's place in `prefix_*`.
 */
void decode_attention(int64_t documents, int64_t heads, int64_t columns, float scaling, int64_t window,
                      const number *queries, int64_t query_stride, const number *new_keys, int64_t key_stride,
                      const number *new_values, int64_t value_stride, number *keys, number *values,
                      const int64_t *slots, const int64_t *filled, const int64_t *shared, const int64_t *prefixes,
                      number *const *prefix_keys, number *const *prefix_values, const int64_t *prefix_strides,
                      number *output)
{
#pragma omp parallel for schedule(dynamic, 2)
    for (int64_t work = 0; work < documents * heads; work++) {
        int64_t document = work / heads, head = work % heads, prefix = prefixes[document];
        int64_t arena = (slots[document] * heads + head) * columns * HEAD_SIZE, fresh = filled[document];
        number *own_keys = keys + arena, *own_values = values + arena;
        float scaled[GROUP * HEAD_SIZE];

        memcpy(own_keys + fresh * HEAD_SIZE, new_keys + document * key_stride + head * HEAD_SIZE,
               HEAD_SIZE * sizeof(number));
        memcpy(own_values + fresh * HEAD_SIZE, new_values + document * value_stride + head * HEAD_SIZE,
               HEAD_SIZE * sizeof(number));
        for (int place = 0; place < GROUP * HEAD_SIZE; place++)
            scaled[place] = widen(queries[document * query_stride + head * GROUP * HEAD_SIZE + place]) * scaling;
        attend_head(scaled, prefix_keys[prefix] + head * prefix_strides[prefix],
                    prefix_values[prefix] + head * prefix_strides[prefix], shared[document], own_keys, own_values,
                    fresh + 1, window ? shared[document] + fresh - window + 1 : 0,
                    output + (document * heads + head) * GROUP * HEAD_SIZE);
    }
}
