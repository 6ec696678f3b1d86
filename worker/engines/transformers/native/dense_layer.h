/* One thread's part of a layer of a dense Qwen2 or Qwen3. All threads of a pass call these functions together.
 *
 * Compiled for a model: HEAD_SIZE numbers in a head, GROUP query heads to a key-value head. Numbers are bfloat16;
 * between two roundings everything is computed in floats.
 */
#pragma once
#include "attend_head.h"
#include "block_attention.h"
#include "finishers.h"
#include "dense_pass.h"

/* RMS norm of a row. */
static inline void normalise(const number *row, const number *weights, int64_t width, float epsilon, float *results)
{
    float sum = 0;
    for (int64_t place = 0; place < width; place++)
        sum += widen(row[place]) * widen(row[place]);
    float scale = 1 / sqrtf(sum / width + epsilon);
    for (int64_t place = 0; place < width; place++)
        results[place] = rounded(rounded(widen(row[place]) * scale) * widen(weights[place]));
}

static void normalise_rows(const struct model *model, const number *rows, int64_t count, const number *weights,
                           number *results)
{
    int64_t width = model->width;
    float wide[width];
#pragma omp for schedule(static)
    for (int64_t row = 0; row < count; row++) {
        normalise(rows + row * width, weights, width, model->epsilon, wide);
        for (int64_t place = 0; place < width; place++)
            results[row * width + place] = narrow(wide[place]);
    }
}

/* Normalise a head, if it has weights for that, and apply the rotary embedding of its token's position. */
static void turn(const struct pass *pass, const number *head, const number *weights, int64_t token, number *results)
{
    enum { HALF = HEAD_SIZE / 2 };
    const number *cosines = pass->step->cosines + token * HEAD_SIZE, *sines = pass->step->sines + token * HEAD_SIZE;
    float wide[HEAD_SIZE];

    if (weights)
        normalise(head, weights, HEAD_SIZE, pass->model->epsilon, wide);
    else
        for (int place = 0; place < HEAD_SIZE; place++)
            wide[place] = widen(head[place]);
    for (int place = 0; place < HALF; place++) {
        float one = wide[place], other = wide[place + HALF];
        results[place] = narrow(rounded(one * widen(cosines[place])) - rounded(other * widen(sines[place])));
        results[place + HALF] =
            narrow(rounded(other * widen(cosines[place + HALF])) + rounded(one * widen(sines[place + HALF])));
    }
}

/* Rotate each token's queries and keys, and store its keys and values. */
static void keep(const struct pass *pass, const struct layer *layer, const struct place *places)
{
    int64_t heads = pass->model->heads;
#pragma omp for schedule(static)
    for (int64_t token = 0; token < pass->step->tokens; token++) {
        int64_t owner = pass->owners[token];
        const struct span *span = pass->step->spans + owner;
        for (int64_t head = 0; head < heads * GROUP; head++) {
            number *query = pass->queries + (token * heads * GROUP + head) * HEAD_SIZE;
            turn(pass, query, layer->query_norm, token, query);
        }
        for (int64_t head = 0; head < heads; head++) {
            int64_t from = (token * heads + head) * HEAD_SIZE;
            int64_t to = head * span->stride + (span->filled + token - span->first) * HEAD_SIZE;
            turn(pass, pass->keys + from, layer->key_norm, token, places[owner].keys + to);
            memcpy(places[owner].values + to, pass->values + from, HEAD_SIZE * sizeof(number));
        }
    }
}

static void attend(const struct pass *pass, const struct layer *layer, const struct place *places,
                   const struct item *item)
{
    const struct span *span = pass->step->spans + item->span;
    const struct place *place = places + item->span;
    int64_t stride = pass->model->heads * GROUP * HEAD_SIZE, own = item->head * span->stride;
    int64_t prefix = item->head * span->prefix_stride, filled = span->filled + item->token - span->first;
    int64_t at = item->token * stride + item->head * GROUP * HEAD_SIZE, position = span->shared + filled;
    struct columns keys = {place->prefix_keys + prefix, place->keys + own, span->shared};
    struct columns values = {place->prefix_values + prefix, place->values + own, span->shared};

    if (item->tokens > 1) {
        attend_block(pass->queries + at, stride, item->tokens, keys, values, position, layer->window,
                     pass->model->scaling, pass->mixed + at);
        return;
    }
    float scaled[GROUP * HEAD_SIZE];
    for (int one = 0; one < GROUP * HEAD_SIZE; one++)
        scaled[one] = widen(pass->queries[at + one]) * pass->model->scaling;
    attend_head(scaled, keys.prefix, values.prefix, span->shared, keys.own, values.own, filled + 1,
                layer->window ? position + 1 - layer->window : 0, pass->mixed + at);
}

/* Move the wanted rows to the front. The others are not read any more. */
static int64_t gather(const struct step *step, number *rows, int64_t width)
{
    for (int64_t place = 0; place < step->wanted_count; place++)
        memmove(rows + place * width, rows + step->wanted[place] * width, width * sizeof *rows);
    return step->wanted_count;
}

/* One thread's part of a layer. After its keys and values, the last layer computes only the wanted tokens. */
static void pass_layer(struct pass *pass, int64_t number_of_layer)
{
    const struct model *model = pass->model;
    const struct layer *layer = model->layers + number_of_layer;
    const struct place *places = pass->step->places + number_of_layer * pass->step->count;
    shared_work *work = pass->works + number_of_layer * SHARED_WORKS;
    int last = number_of_layer == model->count - 1;
    int64_t tokens = pass->step->tokens, items = last ? pass->last_item_count : pass->item_count;
    const struct weight *both[2] = {&layer->gate, &layer->up};
    struct sum inner = {pass->inner, 0, 0, layer->gate.out};

    normalise_rows(model, pass->step->rows, tokens, layer->before_attention, pass->normed);
    add_product(pass->normed, tokens, &layer->query, work++, 0, pass->queries);
    add_product(pass->normed, tokens, &layer->key, work++, 0, pass->keys);
    add_product(pass->normed, tokens, &layer->value, work++, 0, pass->values);
#pragma omp barrier
    keep(pass, layer, places);
    for (int64_t item = next_piece(work); item < items; item = next_piece(work))
        attend(pass, layer, places, (last ? pass->last_items : pass->items) + item);
    work++;
#pragma omp barrier
    if (last) {
#pragma omp single
        {
            gather(pass->step, pass->mixed, layer->output.in);
            gather(pass->step, pass->step->rows, model->width);
        }
        tokens = pass->step->wanted_count;
    }
    add_product(pass->mixed, tokens, &layer->output, work++, pass->step->rows, pass->step->rows);
#pragma omp barrier
    normalise_rows(model, pass->step->rows, tokens, layer->before_mlp, pass->normed);
    multiply(pass->normed, tokens, both, 2, work++, store_mixed, &inner);
#pragma omp barrier
    add_product(pass->inner, tokens, &layer->down, work++, pass->step->rows, pass->step->rows);
#pragma omp barrier
}
