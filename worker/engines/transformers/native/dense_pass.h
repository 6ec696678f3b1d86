/* What a pass through a dense Qwen2 or Qwen3 is given: worker/engines/transformers/dense/pass_tables.py lays the same out. And what it has
 * at hand.
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

/* Tokens of one document, one after the other: its newest, or a piece of its prompt. `filled` are its own columns
 * before them, `shared` those of a prefix. Of its keys and values, a head's begin `stride` numbers after the last one's.
 */
struct span {
    int64_t first, tokens, filled, shared, stride, prefix_stride;
};

/* Where the keys and values of a span lie in a layer. */
struct place {
    number *keys, *values;
    const number *prefix_keys, *prefix_values;
};

struct step {
    number *rows; /* tokens x width: embeddings, which the layers change */
    const number *cosines, *sines;
    const struct span *spans;
    const struct place *places; /* layers x spans */
    const int64_t *wanted;      /* the tokens whose logits are wanted, ascending */
    float *logits;
    number *room; /* for each token twice its queries, keys and values, its own width and the inner one */
    int64_t tokens, count, wanted_count;
};

enum { SHARED_WORKS = 10 };

/* A block of a span's tokens for one key-value head. */
struct item {
    int64_t span, token, tokens, head;
};

/* A pass at work: its room, what each token belongs to, the blocks of all tokens and those of the wanted ones.
 * `works` are SHARED_WORKS for each layer, and one for the head.
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
