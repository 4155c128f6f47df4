// Cross entropy of rows of logits and the class that each should have: one number, and its gradient.
#include "kernels.h"

typedef struct {
    const float *x;
    const int64_t *target;
    float *out;
    int64_t classes, ignored;
    double *losses;  // the sum of each part
    float share;     // of one row in the mean, times the gradient that arrives
} Batch;

static void losses_of(void *given, int64_t first, int64_t last, int part) {
    Batch *w = given;
    int64_t n = w->classes;
    double all = 0;
    for (int64_t row = first; row < last; row++) {
        if (w->target[row] == w->ignored) continue;
        const float *x = w->x + row * n;
        float top = highest(x, n), sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += exponential(x[i] - top);
        all += logf(sum) - (x[w->target[row]] - top);
    }
    w->losses[part] = all;
}

static int64_t counted(const Batch *w, int64_t rows) {
    int64_t count = 0;
    for (int64_t row = 0; row < rows; row++) count += w->target[row] != w->ignored;
    return count;
}

// logits (N, C), target (N,) int64, out (): the mean over the rows that count.
EXPORT void cross_entropy(const Array *logits, const Array *target, Array *out, int64_t ignored) {
    double losses[64] = {0}, all = 0;
    Batch w = {floats(logits), (int64_t *)target->data, NULL, last_axis(logits), ignored, losses, 0};
    int64_t rows = logits->shape[0];
    split(rows, 1.5 * w.classes, losses_of, &w);
    for (int i = 0; i < 64; i++) all += losses[i];
    *floats(out) = (float)(all / (double)counted(&w, rows));
}

// out = (softmax - one at the target) * share; 0 in rows that do not count.
static void gradient_rows(void *given, int64_t first, int64_t last, int part) {
    const Batch *w = given;
    int64_t n = w->classes;
    for (int64_t row = first; row < last; row++) {
        const float *x = w->x + row * n;
        float *out = w->out + row * n;
        if (w->target[row] == w->ignored) {
            memset(out, 0, n * sizeof *out);
            continue;
        }
        float top = highest(x, n), sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += out[i] = exponential(x[i] - top);
        float scale = 1.0f / sum;
        for (int64_t i = 0; i < n; i++) out[i] *= scale;
        out[w->target[row]] -= 1.0f;
        for (int64_t i = 0; i < n; i++) out[i] *= w->share;
    }
    (void)part;
}

EXPORT void cross_entropy_gradient(const Array *g, const Array *logits, const Array *target, Array *out, int64_t ignored) {
    Batch w = {floats(logits), (int64_t *)target->data, floats(out), last_axis(logits), ignored, NULL, 0};
    int64_t rows = logits->shape[0];
    w.share = *floats(g) / (float)counted(&w, rows);
    split(rows, 2.0 * w.classes, gradient_rows, &w);
}
