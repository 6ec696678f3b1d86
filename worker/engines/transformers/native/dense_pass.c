/* The pass through a dense Qwen2 or Qwen3, from a step's embeddings to the wanted logits. */
#include "dense_layer.h"

/* So many tokens of a prompt attend at once. */
enum { BLOCK_TOKENS = HIGH / GROUP > 1 ? HIGH / GROUP : 1 };

static void pass_head(struct pass *pass)
{
    const struct weight *head = &pass->model->head;
    struct logits logits = {pass->step->logits, head->bias, head->out};
    int64_t count = pass->step->wanted_count;

    normalise_rows(pass->model, pass->step->rows, count, pass->model->norm, pass->normed);
    multiply(pass->normed, count, &head, 1, pass->works + pass->model->count * SHARED_WORKS, store_logits, &logits);
}

static int64_t cut(const struct pass *pass, int64_t owner, int64_t token, int64_t tokens, struct item *items)
{
    for (int64_t head = 0; head < pass->model->heads; head++)
        items[head] = (struct item){owner, token, tokens, head};
    return pass->model->heads;
}

/* Cut all tokens into blocks, and the wanted tokens into blocks of their own. */
static void lay_out(struct pass *pass)
{
    for (int64_t owner = pass->step->count - 1; owner >= 0; owner--) { /* the last span is the longest: start with it */
        const struct span *span = pass->step->spans + owner;
        int64_t end = span->first + span->tokens;
        for (int64_t token = span->first; token < end; token++)
            pass->owners[token] = owner;
        for (int64_t token = span->first; token < end; token += BLOCK_TOKENS) {
            int64_t tokens = end - token < BLOCK_TOKENS ? end - token : BLOCK_TOKENS;
            pass->item_count += cut(pass, owner, token, tokens, pass->items + pass->item_count);
        }
    }
    for (int64_t place = 0; place < pass->step->wanted_count; place++) {
        int64_t token = pass->step->wanted[place];
        pass->last_item_count += cut(pass, pass->owners[token], token, 1, pass->last_items + pass->last_item_count);
    }
}

void dense_pass(const struct model *model, const struct step *step)
{
    int64_t tokens = step->tokens, heads = model->heads, own = heads * HEAD_SIZE;
    struct pass pass = {.model = model, .step = step};

    pass.normed = step->room;
    pass.queries = pass.normed + tokens * model->width;
    pass.keys = pass.queries + tokens * own * GROUP;
    pass.values = pass.keys + tokens * own;
    pass.mixed = pass.values + tokens * own;
    pass.inner = pass.mixed + tokens * own * GROUP;
    pass.owners = malloc(tokens * sizeof *pass.owners);
    pass.items = malloc(tokens * heads * sizeof *pass.items);
    pass.last_items = malloc(step->wanted_count * heads * sizeof *pass.last_items);
    pass.works = calloc(model->count * SHARED_WORKS + 1, sizeof *pass.works);
    lay_out(&pass);
#pragma omp parallel
    {
        for (int64_t layer = 0; layer < model->count; layer++)
            pass_layer(&pass, layer);
        pass_head(&pass);
    }
    free(pass.works);
    free(pass.last_items);
    free(pass.items);
    free(pass.owners);
}
