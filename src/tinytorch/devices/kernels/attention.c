// Attention of each head by blocks of queries: the scores of a block are there, never those of all queries.
#include "product.h"

#define BLOCK 64  // queries at a time

typedef struct {
    float *start;
    int64_t batch, head, row;  // distances in floats; the elements of a row lie together
} Heads;

typedef struct {
    Heads q, k, v, out, g, to_q, to_k, to_v;
    int64_t heads, queries, keys, width, value_width;
    float scale;
    int causal;
} Attention;

static Heads heads_of(const Array *x) {
    return (Heads){floats(x), x->strides[0] / 4, x->strides[1] / 4, x->strides[2] / 4};
}

static float *head_of(Heads x, int64_t batch, int64_t head) { return x.start + batch * x.batch + head * x.head; }

// How many keys the query in this row sees; the last query stands at the last key.
static int64_t seen(const Attention *w, int64_t query) {
    int64_t last = w->causal ? query + 1 + w->keys - w->queries : w->keys;
    return last < 0 ? 0 : last;
}

static void softmax_of(float *x, int64_t size, int64_t whole) {
    float top = highest(x, size), sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < size; i++) sum += x[i] = exponential(x[i] - top);
    float share = 1.0f / sum;
    for (int64_t i = 0; i < size; i++) x[i] *= share;
    for (int64_t i = size; i < whole; i++) x[i] = 0;
}

// The weights (rows x limit) of the queries from `first` on; `keys` holds k transposed, in panels.
static void weights_of(const Attention *w, const float *q, const float *keys, int64_t first, int64_t rows, int64_t limit,
                       float *weights, int64_t pitch) {
    Matrix some = {q + first * w->q.row, w->q.row, 1};
    product(rows, limit, w->width, some, keys, w->width, 0, weights, pitch, w->scale, 0);
    for (int64_t i = 0; i < rows; i++) softmax_of(weights + i * pitch, seen(w, first + i), limit);
}

static int64_t room(int64_t rows, int64_t columns) { return panels(columns) * WIDTH * rows; }

static void forward(void *given, int64_t from, int64_t to, int part) {
    const Attention *w = given;
    int64_t pitch = panels(w->keys) * WIDTH;
    float *keys = scratch((room(w->width, w->keys) + room(w->keys, w->value_width) + BLOCK * pitch) * sizeof *keys);
    float *values = keys + room(w->width, w->keys), *weights = values + room(w->keys, w->value_width);
    for (int64_t each = from; each < to; each++) {
        int64_t batch = each / w->heads, head = each % w->heads;
        const float *q = head_of(w->q, batch, head);
        float *out = head_of(w->out, batch, head);
        pack(keys, head_of(w->k, batch, head), w->width, w->keys, 1, w->k.row);
        pack(values, head_of(w->v, batch, head), w->keys, w->value_width, w->v.row, 1);
        for (int64_t first = 0; first < w->queries; first += BLOCK) {
            int64_t rows = w->queries - first < BLOCK ? w->queries - first : BLOCK, limit = seen(w, first + rows - 1);
            weights_of(w, q, keys, first, rows, limit, weights, pitch);
            Matrix shares = {weights, pitch, 1};
            product(rows, w->value_width, limit, shares, values, w->keys, 0, out + first * w->out.row, w->out.row, 1, 0);
        }
    }
    free(keys);
    (void)part;
}

static Attention attention_of(const Array *q, const Array *k, const Array *v, const Array *out, float scale, int causal) {
    return (Attention){.q = heads_of(q), .k = heads_of(k), .v = heads_of(v), .out = heads_of(out), .heads = q->shape[1],
        .queries = q->shape[2], .keys = k->shape[2], .width = q->shape[3], .value_width = v->shape[3],
        .scale = scale, .causal = causal};
}

static double cost(const Attention *w) {  // of one head, in nanoseconds
    return (double)w->queries * w->keys * (0.04 * (w->width + w->value_width) + 0.5);
}

// q (batch, heads, queries, width), k, v (batch, heads, keys, ...), out like q but as wide as v.
EXPORT void attention(const Array *q, const Array *k, const Array *v, Array *out, float scale, int causal) {
    Attention w = attention_of(q, k, v, out, scale, causal);
    split(q->shape[0] * w.heads, cost(&w), forward, &w);
}

// What one block of queries adds to the gradients of its head. All panels are those of the whole head.
typedef struct {
    float *keys_across, *keys, *values_across, *queries, *gradients, *weights, *scores;
} Panels;

static void backward_block(const Attention *w, const Panels *p, int64_t batch, int64_t head, int64_t first, int64_t rows) {
    int64_t limit = seen(w, first + rows - 1), pitch = panels(w->keys) * WIDTH;
    const float *g = head_of(w->g, batch, head) + first * w->g.row, *out = head_of(w->out, batch, head) + first * w->out.row;
    weights_of(w, head_of(w->q, batch, head), p->keys_across, first, rows, limit, p->weights, pitch);
    Matrix arriving = {g, w->g.row, 1};
    product(rows, limit, w->value_width, arriving, p->values_across, w->value_width, 0, p->scores, pitch, 1, 0);
    for (int64_t i = 0; i < rows; i++) {
        float sum = 0, *scores = p->scores + i * pitch;
        const float *weights = p->weights + i * pitch, *a = g + i * w->g.row, *b = out + i * w->out.row;
#pragma omp simd reduction(+ : sum)
        for (int64_t j = 0; j < w->value_width; j++) sum += a[j] * b[j];
        for (int64_t j = 0; j < limit; j++) scores[j] = weights[j] * (scores[j] - sum) * w->scale;
    }
    Matrix scores = {p->scores, pitch, 1}, scores_across = {p->scores, 1, pitch}, weights_across = {p->weights, 1, pitch};
    product(rows, w->width, limit, scores, p->keys, w->keys, 0, head_of(w->to_q, batch, head) + first * w->to_q.row, w->to_q.row, 1, 0);
    product(limit, w->width, rows, scores_across, p->queries, w->queries, first, head_of(w->to_k, batch, head), w->to_k.row, 1, 1);
    product(limit, w->value_width, rows, weights_across, p->gradients, w->queries, first, head_of(w->to_v, batch, head), w->to_v.row, 1, 1);
}

static void clear(float *x, int64_t rows, int64_t columns, int64_t row) {
    for (int64_t i = 0; i < rows; i++) memset(x + i * row, 0, columns * sizeof *x);
}

static void backward(void *given, int64_t from, int64_t to, int part) {
    const Attention *w = given;
    int64_t wide = w->width, deep = w->value_width;
    int64_t sizes[] = {room(wide, w->keys), room(w->keys, wide), room(deep, w->keys), room(w->queries, wide),
        room(w->queries, deep), BLOCK * panels(w->keys) * WIDTH, BLOCK * panels(w->keys) * WIDTH}, all = 0;
    for (int i = 0; i < 7; i++) all += sizes[i];
    float *memory = scratch(all * sizeof *memory), *next = memory, *places[7];
    for (int i = 0; i < 7; next += sizes[i++]) places[i] = next;
    Panels p = {places[0], places[1], places[2], places[3], places[4], places[5], places[6]};
    for (int64_t each = from; each < to; each++) {
        int64_t batch = each / w->heads, head = each % w->heads;
        const float *k = head_of(w->k, batch, head);
        pack(p.keys_across, k, wide, w->keys, 1, w->k.row);
        pack(p.keys, k, w->keys, wide, w->k.row, 1);
        pack(p.values_across, head_of(w->v, batch, head), deep, w->keys, 1, w->v.row);
        pack(p.queries, head_of(w->q, batch, head), w->queries, wide, w->q.row, 1);
        pack(p.gradients, head_of(w->g, batch, head), w->queries, deep, w->g.row, 1);
        clear(head_of(w->to_k, batch, head), w->keys, wide, w->to_k.row);
        clear(head_of(w->to_v, batch, head), w->keys, deep, w->to_v.row);
        for (int64_t first = 0; first < w->queries; first += BLOCK)
            backward_block(w, &p, batch, head, first, w->queries - first < BLOCK ? w->queries - first : BLOCK);
    }
    free(memory);
    (void)part;
}

EXPORT void attention_gradient(const Array *q, const Array *k, const Array *v, const Array *out, const Array *g, Array *to_q,
                               Array *to_k, Array *to_v, float scale, int causal) {
    Attention w = attention_of(q, k, v, out, scale, causal);
    w.g = heads_of(g);
    w.to_q = heads_of(to_q);
    w.to_k = heads_of(to_k);
    w.to_v = heads_of(to_v);
    split(q->shape[0] * w.heads, 2.5 * cost(&w), backward, &w);
}
