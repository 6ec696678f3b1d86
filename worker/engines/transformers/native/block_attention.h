/* Attention of a block of one prompt's tokens for one key-value head, with the products of product.h. */
#pragma once
#include "product.h"

#include <stdlib.h>

enum { HEAD_PANELS = (HEAD_SIZE + WIDE - 1) / WIDE };

/* A document's keys or values of one head: `shared` columns of a prefix, then its own. */
struct columns {
    const number *prefix, *own;
    int64_t shared;
};

static inline const number *column_of(const struct columns *all, int64_t column)
{
    return column < all->shared ? all->prefix + column * HEAD_SIZE : all->own + (column - all->shared) * HEAD_SIZE;
}

/* Lay out WIDE keys as a panel: outputs are columns, inputs are places in a head. */
static void panel_of_keys(const struct columns *keys, int64_t first, int64_t end, number *panel)
{
    for (int64_t column = 0; column < WIDE; column++) {
        const number *key = first + column < end ? column_of(keys, first + column) : 0;
        for (int pair = 0; pair < HEAD_SIZE / 2; pair++) {
            uint32_t two = 0;
            if (key)
                memcpy(&two, key + 2 * pair, sizeof two);
            memcpy(panel + pair * PAIR + 2 * column, &two, sizeof two);
        }
    }
}

/* Lay out values as panels: outputs are places in a head, inputs are `pairs` pairs of columns. */
static void panels_of_values(const struct columns *values, int64_t first, int64_t end, int64_t pairs, number *panels)
{
    static const number nothing[HEAD_SIZE];
    for (int64_t pair = 0; pair < pairs; pair++) {
        int64_t column = first + 2 * pair;
        const number *one = column < end ? column_of(values, column) : nothing;
        const number *other = column + 1 < end ? column_of(values, column + 1) : nothing;
        for (int place = 0; place < HEAD_SIZE; place++) {
            number *two = panels + (place / WIDE * pairs + pair) * PAIR + place % WIDE * 2;
            two[0] = one[place];
            two[1] = other[place];
        }
    }
}

/* Replace a row's scores by weights from column `first` up to `end`: scale them, and take the terms of the softmax, which
 * are rounded before they are divided, as PyTorch does it. Return their sum.
 */
static float weigh(float *scores, number *weights, int64_t first, int64_t end, int64_t width, float scaling)
{
    for (int64_t column = first; column < end; column++)
        scores[column] *= scaling;
    float sum = exponentials(scores + first, end - first);
    memset(weights, 0, first * sizeof *weights);
    for (int64_t column = first; column < end; column++)
        weights[column] = narrow(scores[column]);
    memset(weights + end, 0, (width - end) * sizeof *weights);
    return sum;
}

/* `queries` and `output` are tokens x GROUP x HEAD_SIZE, with `stride` numbers from one token to the next. The first
 * token is at `position` and sees all columns up to it. Each token sees at most `window` columns, if that is not 0.
 */
static void attend_block(const number *queries, int64_t stride, int64_t tokens, struct columns keys,
                         struct columns values, int64_t position, int64_t window, float scaling, number *output)
{
    int64_t rows = tokens * GROUP, end = position + tokens, first = window ? positive(position + 1 - window) : 0;
    int64_t width = (end - first + WIDE - 1) / WIDE * WIDE;
    float *scores = malloc(rows * width * sizeof *scores), mixed[TALL * WIDE], sums[rows];
    number *weights = malloc(rows * width * sizeof *weights), *panels = calloc(HEAD_PANELS * width * WIDE, sizeof *panels);
    number left[rows * HEAD_SIZE];
    struct ahead nothing = {0, 0};

    for (int64_t token = 0; token < tokens; token++)
        memcpy(left + token * GROUP * HEAD_SIZE, queries + token * stride, GROUP * HEAD_SIZE * sizeof *left);
    for (int64_t column = 0; column < width; column += WIDE) {
        number panel[HEAD_SIZE * WIDE];
        panel_of_keys(&keys, first + column, end, panel);
        for (int64_t row = 0; row < rows; row += TALL)
            tile(rows - row < TALL ? rows - row : TALL, left + row * HEAD_SIZE, HEAD_SIZE, panel, HEAD_SIZE / 2,
                 nothing, scores + row * width + column, width);
    }
    for (int64_t row = 0; row < rows; row++) {
        int64_t seen = position + row / GROUP + 1, oldest = window ? positive(seen - window) : 0;
        sums[row] = weigh(scores + row * width, weights + row * width, oldest - first, seen - first, width, scaling);
    }
    panels_of_values(&values, first, end, width / 2, panels);
    for (int64_t row = 0; row < rows; row += TALL)
        for (int panel = 0; panel < HEAD_PANELS; panel++) {
            int64_t count = rows - row < TALL ? rows - row : TALL;
            tile(count, weights + row * width, width, panels + panel * width * WIDE, width / 2, nothing, mixed, WIDE);
            for (int64_t mine = row; mine < row + count; mine++) {
                number *head = output + mine / GROUP * stride + mine % GROUP * HEAD_SIZE;
                for (int place = panel * WIDE; place < HEAD_SIZE && place < (panel + 1) * WIDE; place++)
                    head[place] = narrow(mixed[(mine - row) * WIDE + place % WIDE] / sums[mine]);
            }
        }
    free(panels);
    free(weights);
    free(scores);
}
