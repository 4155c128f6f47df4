// Softmax over the last axis, and what a gradient becomes on its way back through it.
#include "kernels.h"

typedef struct {
    const float *x, *y;
    float *out;
    int64_t size;
} Rows;

// y = exp(x - max) / sum, in three passes over a row that lies in the cache.
static void softmax_rows(void *given, int64_t first, int64_t last, int part) {
    const Rows *w = given;
    int64_t n = w->size;
    for (int64_t row = first; row < last; row++) {
        const float *x = w->x + row * n;
        float *y = w->out + row * n, top = highest(x, n), sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += y[i] = exponential(x[i] - top);
        float share = 1.0f / sum;
        for (int64_t i = 0; i < n; i++) y[i] *= share;
    }
    (void)part;
}

EXPORT void softmax(const Array *x, Array *out) {
    Rows w = {floats(x), NULL, floats(out), last_axis(x)};
    split(size_of(x) / w.size, 2.0 * w.size, softmax_rows, &w);
}

// x's gradient = y * (g - sum(g * y)).
static void softmax_gradient_rows(void *given, int64_t first, int64_t last, int part) {
    const Rows *w = given;
    int64_t n = w->size;
    for (int64_t row = first; row < last; row++) {
        const float *g = w->x + row * n, *y = w->y + row * n;
        float *out = w->out + row * n, sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += g[i] * y[i];
        for (int64_t i = 0; i < n; i++) out[i] = y[i] * (g[i] - sum);
    }
    (void)part;
}

EXPORT void softmax_gradient(const Array *g, const Array *y, Array *out) {
    Rows w = {floats(g), floats(y), floats(out), last_axis(g)};
    split(size_of(g) / w.size, 0.5 * w.size, softmax_gradient_rows, &w);
}

// y = x - max - log(sum(exp(x - max))).
static void log_softmax_rows(void *given, int64_t first, int64_t last, int part) {
    const Rows *w = given;
    int64_t n = w->size;
    for (int64_t row = first; row < last; row++) {
        const float *x = w->x + row * n;
        float *y = w->out + row * n, top = highest(x, n), sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += exponential(x[i] - top);
        float all = logf(sum);
        for (int64_t i = 0; i < n; i++) y[i] = x[i] - top - all;
    }
    (void)part;
}

EXPORT void log_softmax(const Array *x, Array *out) {
    Rows w = {floats(x), NULL, floats(out), last_axis(x)};
    split(size_of(x) / w.size, 1.5 * w.size, log_softmax_rows, &w);
}

// x's gradient = g - exp(y) * sum(g).
static void log_softmax_gradient_rows(void *given, int64_t first, int64_t last, int part) {
    const Rows *w = given;
    int64_t n = w->size;
    for (int64_t row = first; row < last; row++) {
        const float *g = w->x + row * n, *y = w->y + row * n;
        float *out = w->out + row * n, sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += g[i];
        for (int64_t i = 0; i < n; i++) out[i] = g[i] - exponential(y[i]) * sum;
    }
    (void)part;
}

EXPORT void log_softmax_gradient(const Array *g, const Array *y, Array *out) {
    Rows w = {floats(g), floats(y), floats(out), last_axis(g)};
    split(size_of(g) / w.size, 1.5 * w.size, log_softmax_gradient_rows, &w);
}
