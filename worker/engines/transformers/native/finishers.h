/* What a pass does with the sums of a product: see multiply in product.h. */
#pragma once
#include "product.h"

/* Add `terms`, if any, to the products. `terms` may be the memory of the results. */
struct sum {
    number *results;
    const number *bias, *terms;
    int64_t width;
};

static void store_sum(void *into, float (*sums)[TALL * WIDE], int64_t row, int64_t rows, int64_t output,
                      int64_t outputs)
{
    const struct sum *sum = into;
    for (int64_t place = 0; place < rows; place++) {
        int64_t at = (row + place) * sum->width + output;
        float *own = sums[0] + place * WIDE;
        if (sum->bias)
            for (int64_t one = 0; one < outputs; one++)
                own[one] += widen(sum->bias[output + one]);
        if (sum->terms)
            for (int64_t one = 0; one < outputs; one++)
                own[one] = widen(narrow(own[one])) + widen(sum->terms[at + one]);
        for (int64_t one = 0; one < outputs; one++)
            sum->results[at + one] = narrow(own[one]);
    }
}

static void add_product(const number *left, int64_t count, const struct weight *weight, shared_work *work,
                        const number *terms, number *results)
{
    struct sum sum = {results, weight->bias, terms, weight->out};
    multiply(left, count, &weight, 1, work, store_sum, &sum);
}

/* silu(gate) * up, where silu(x) is x / (1 + e^-x). */
static void store_mixed(void *into, float (*sums)[TALL * WIDE], int64_t row, int64_t rows, int64_t output,
                        int64_t outputs)
{
    const struct sum *sum = into;
    for (int64_t place = 0; place < rows; place++) {
        const float *gate = sums[0] + place * WIDE, *up = sums[1] + place * WIDE;
        number *results = sum->results + (row + place) * sum->width + output;
        for (int64_t one = 0; one < outputs; one++) {
            float own = rounded(gate[one]), small = power(-fabsf(own));
            results[one] = narrow(rounded(own * (own < 0 ? small : 1) / (1 + small)) * rounded(up[one]));
        }
    }
}

struct logits {
    float *results;
    const number *bias;
    int64_t width;
};

static void store_logits(void *into, float (*sums)[TALL * WIDE], int64_t row, int64_t rows, int64_t output,
                         int64_t outputs)
{
    const struct logits *logits = into;
    for (int64_t place = 0; place < rows; place++)
        for (int64_t one = 0; one < outputs; one++)
            logits->results[(row + place) * logits->width + output + one] =
                sums[0][place * WIDE + one] + (logits->bias ? widen(logits->bias[output + one]) : 0);
}
