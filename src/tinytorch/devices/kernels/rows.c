// Rows that an index names: picked, and added.
#include "kernels.h"

typedef struct {
    const char *x;
    const int64_t *index;
    char *out;
    int64_t bytes;
} Picking;

static void pick(void *given, int64_t first, int64_t last, int part) {
    const Picking *w = given;
    for (int64_t row = first; row < last; row++) memcpy(w->out + row * w->bytes, w->x + w->index[row] * w->bytes, w->bytes);
    (void)part;
}

// out[i] = x[index[i]] for rows of so many bytes, of any type. Half of the time is waiting for memory: two threads wait at once.
EXPORT void gather(const Array *x, const Array *index, Array *out, int64_t bytes) {
    Picking w = {x->data, (int64_t *)index->data, out->data, bytes};
    split(size_of(index), 0.1 * bytes, pick, &w);
}

typedef struct {
    const float *x;
    const int64_t *index;
    float *out;
    int64_t count, size, columns;
} Scatter;

static void add_columns(void *given, int64_t first, int64_t last, int part) {
    const Scatter *w = given;
    int64_t from = first * w->columns, to = last * w->columns < w->size ? last * w->columns : w->size;
    for (int64_t row = 0; row < w->count; row++) {
        const float *x = w->x + row * w->size;
        float *out = w->out + w->index[row] * w->size;
        for (int64_t i = from; i < to; i++) out[i] += x[i];
    }
    (void)part;
}

// out[index[i]] += x[i] for rows of `size`; threads take columns, so that equal indices never meet.
EXPORT void scatter_add(const Array *x, const Array *index, Array *out, int64_t size) {
    Scatter w = {floats(x), (int64_t *)index->data, floats(out), size_of(index), size, LANES * 2};
    split((size + w.columns - 1) / w.columns, 0.2 * w.count * w.columns, add_columns, &w);
}
