/* Replaces a prompt's attention scores by their softmax over the columns that each token sees.
 *
 * BFLOAT16 selects the number format, else float.
 */
#include "number.h"

#include <stdlib.h>

/* `scores` are rows x columns, `tokens` consecutive rows for each head. A head's first token sees `before` columns and
 * its own, at most `window` of them if that is not 0. The weight of other columns is zero.
 */
void causal_softmax(number *scores, int64_t rows, int64_t tokens, int64_t columns, int64_t before, int64_t window)
{
#pragma omp parallel
    {
        float *wide = malloc(columns * sizeof *wide);
#pragma omp for schedule(dynamic, 16)
        for (int64_t row = 0; row < rows; row++) {
            int64_t end = before + row % tokens + 1, first = window ? positive(end - window) : 0;
            number *own = scores + row * columns;

            for (int64_t column = first; column < end; column++)
                wide[column] = widen(own[column]);
            softmax(wide + first, end - first);
            memset(own, 0, first * sizeof *own);
            for (int64_t column = first; column < end; column++)
                own[column] = narrow(wide[column]);
            memset(own + end, 0, (columns - end) * sizeof *own);
        }
        free(wide);
    }
}
