/* Computes one layer's attention of one decode step, on a CPU: each row's new token attends to the shared prefix and to
 * the row's own columns.
 *
 * Compiled for a model: HEAD_SIZE numbers in a head, GROUP query heads to a key-value head, BFLOAT16 for that number
 * format, else float. Sums are floats in both.
 */
#include "attend_head.h"

/* `queries`, `new_keys` and `new_values` are documents x heads x HEAD_SIZE, with `*_stride` numbers from one document
 * to the next; `output` has the same shape and is contiguous. `keys` and `values` are slots x heads x columns x
 * HEAD_SIZE. For each document: its slot, its own columns before this token, the columns of its prefix, and the
 * prefix's place in `prefix_*`.
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
        int64_t slot = (slots[document] * heads + head) * columns * HEAD_SIZE, fresh = filled[document];
        number *own_keys = keys + slot, *own_values = values + slot;
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
