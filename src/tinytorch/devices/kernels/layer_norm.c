// Layer norm and RMS norm: rows standardised, then scaled and shifted; their gradients make mean and spread again.
#include "kernels.h"

typedef struct {
    const float *x, *weight, *bias, *g;
    float *out, *to_weight, *to_bias;  // the last two hold a row for each part
    int64_t size;
    float eps;
    int centred;  // layer norm takes the mean away, RMS norm does not
} Norm;

static inline const float *given_or_null(const Array *x) { return x->shape[0] ? floats(x) : NULL; }

// Mean (0 where it stays) and one over the spread of a row, in two passes so that no digits are lost.
static inline void measure(const Norm *w, const float *x, float *mean, float *rate) {
    int64_t n = w->size;
    float sum = 0, squares = 0;
    if (w->centred) {
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += x[i];
    }
    float middle = sum / (float)n;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < n; i++) squares += (x[i] - middle) * (x[i] - middle);
    *mean = middle;
    *rate = 1.0f / sqrtf(squares / (float)n + w->eps);
}

static void norm_rows(void *given, int64_t first, int64_t last, int part) {
    const Norm *w = given;
    int64_t n = w->size;
    for (int64_t row = first; row < last; row++) {
        const float *x = w->x + row * n;
        float *out = w->out + row * n, mean, rate;
        measure(w, x, &mean, &rate);
        if (w->bias)
            for (int64_t i = 0; i < n; i++) out[i] = (x[i] - mean) * rate * w->weight[i] + w->bias[i];
        else if (w->weight)
            for (int64_t i = 0; i < n; i++) out[i] = (x[i] - mean) * rate * w->weight[i];
        else
            for (int64_t i = 0; i < n; i++) out[i] = (x[i] - mean) * rate;
    }
    (void)part;
}

// x (rows of `size`), weight and bias of that size or empty.
EXPORT void norm(const Array *x, const Array *weight, const Array *bias, Array *out, int64_t size, float eps, int centred) {
    Norm w = {.x = floats(x), .weight = given_or_null(weight), .bias = given_or_null(bias), .out = floats(out), .size = size,
        .eps = eps, .centred = centred};
    split(size_of(x) / size, 0.5 * size, norm_rows, &w);
}

// x's gradient = (h - mean(h) - s * mean(h * s)) * rate, where s is the standardised row and h = g * weight.
static void norm_gradient_rows(void *given, int64_t first, int64_t last, int part) {
    const Norm *w = given;
    int64_t n = w->size;
    float *to_weight = w->to_weight + part * n, *to_bias = w->to_bias + part * n;
    for (int64_t row = first; row < last; row++) {
        const float *x = w->x + row * n, *g = w->g + row * n;
        float *out = w->out + row * n, mean, rate, sum = 0, along = 0;
        measure(w, x, &mean, &rate);
#pragma omp simd reduction(+ : sum, along)
        for (int64_t i = 0; i < n; i++) {
            float s = (x[i] - mean) * rate, h = w->weight ? g[i] * w->weight[i] : g[i];
            sum += h;
            along += h * s;
            out[i] = h;
        }
        sum = w->centred ? sum / (float)n : 0;
        along /= (float)n;
        for (int64_t i = 0; i < n; i++) {
            float s = (x[i] - mean) * rate;
            out[i] = (out[i] - sum - s * along) * rate;
            to_weight[i] += g[i] * s;
            to_bias[i] += g[i];
        }
    }
}

static void sum_parts(const float *parts, float *out, int64_t size, int count) {
    for (int part = 0; part < count; part++)
        for (int64_t i = 0; i < size; i++) out[i] += parts[part * size + i];
}

// to_weight and to_bias come in as zeros; they are left so where there is no weight or bias.
EXPORT void norm_gradient(const Array *g, const Array *x, const Array *weight, Array *to_x, Array *to_weight, Array *to_bias,
                          int64_t size, float eps, int centred) {
    int count = threads();
    float *parts = calloc(2 * count * size, sizeof *parts);
    Norm w = {.x = floats(x), .weight = given_or_null(weight), .g = floats(g), .out = floats(to_x), .to_weight = parts,
        .to_bias = parts + count * size, .size = size, .eps = eps, .centred = centred};
    split(size_of(x) / size, 1.0 * size, norm_gradient_rows, &w);
    if (to_weight->shape[0]) sum_parts(w.to_weight, floats(to_weight), size, count);
    if (to_bias->shape[0]) sum_parts(w.to_bias, floats(to_bias), size, count);
    free(parts);
}
