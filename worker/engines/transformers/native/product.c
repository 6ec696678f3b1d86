/* The product of one linear layer: see product.h. */
#include "product.h"

struct results {
    number *first;
    const number *bias;
    int64_t width;
};

static void store(void *into, float (*sums)[TALL * WIDE], int64_t row, int64_t rows, int64_t output, int64_t outputs)
{
    const struct results *results = into;
    for (int64_t place = 0; place < rows; place++)
        for (int64_t one = 0; one < outputs; one++) {
            float bias = results->bias ? widen(results->bias[output + one]) : 0;
            results->first[(row + place) * results->width + output + one] = narrow(sums[0][place * WIDE + one] + bias);
        }
}

/* `left` are count x in, `results` count x out. */
void product(const number *left, int64_t count, const struct weight *weight, number *results)
{
    struct results into = {results, weight->bias, weight->out};
    shared_work work = 0;
#pragma omp parallel
    multiply(left, count, &weight, 1, &work, store, &into);
}
