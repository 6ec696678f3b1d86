/* The arguments and the state of a pass through a dense Qwen2 or Qwen3. dense/pass_tables.py lays out the same
 * arguments.
 */
#pragma once
#include "product.h"

struct layer {
    struct weight query, key, value, output, gate, up, down;
    const number *before_attention, *before_mlp, *query_norm, *key_norm; /* the last two may be null */
    int64_t window;                                                     /* 0 for none */
};

struct model {
    const struct layer *layers;
    const number *norm;
    struct weight head;
    int64_t count, width, heads; /* of layers, of a token's numbers, of key-value heads */
    float epsilon, scaling;
};

/* Consecutive tokens of one document: its newest, or a piece of its prompt. `filled` counts its own columns before
 * them, `shared` those of a prefix. In its keys and values, `stride` numbers lie from one head to the next.
 */
struct span {
    int64_t first, tokens, filled, shared, stride, prefix_stride;
};

/* The keys and values of a span in a layer. */
struct place {
    number *keys, *values;
    const number *prefix_keys, *prefix_values;
};

struct step {
    number *rows; /* tokens x width: embeddings, changed in place by the layers */
    const number *cosines, *sines;
    const struct span *spans;
    const struct place *places; /* layers x spans */
    const int64_t *wanted;      /* tokens whose logits are wanted, in ascending order */
    float *logits;
    number *room; /* for each token: twice its queries, keys and values, its width, and the inner width */
    int64_t tokens, count, wanted_count;
};

enum { SHARED_WORKS = 10 };

/* A block of a span's tokens for one key-value head. */
struct item {
    int64_t span, token, tokens, head;
};

/* The state of a pass: its room, the span that owns each token, the blocks of all tokens and of the wanted ones.
 * `works` are SHARED_WORKS for each layer, and one for the output head.
 */
struct pass {
    const struct model *model;
    const struct step *step;
    number *normed, *queries, *keys, *values, *mixed, *inner;
    int64_t *owners;
    struct item *items, *last_items;
    int64_t item_count, last_item_count;
    shared_work *works;
};
