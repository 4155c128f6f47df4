// A bias added to every row of a product, and rows summed into the bias's gradient.
#include "kernels.h"

typedef struct {
    const float *x;
    float *out;
    int64_t rows, size;
} Matrix;

static void add_rows(void *given, int64_t first, int64_t last, int part) {
    const Matrix *w = given;
    for (int64_t row = first; row < last; row++) {
        float *out = w->out + row * w->size;
        for (int64_t i = 0; i < w->size; i++) out[i] += w->x[i];
    }
    (void)part;
}

// out (rows x size) += bias (size).
EXPORT void add_bias(const Array *bias, Array *out) {
    Matrix w = {floats(bias), floats(out), 0, last_axis(out)};
    split(size_of(out) / w.size, 0.2 * w.size, add_rows, &w);
}

#define FEW 64  // rows summed before they are added to the whole: long sums of floats lose digits

static void sum_columns(void *given, int64_t first, int64_t last, int part) {
    const Matrix *w = given;
    float some[LANES * 4];
    for (int64_t from = first * LANES * 4; from < last * LANES * 4; from += LANES * 4) {
        int64_t here = w->size - from < LANES * 4 ? w->size - from : LANES * 4;
        memset(w->out + from, 0, here * sizeof *some);
        for (int64_t row = 0; row < w->rows; row += FEW) {
            int64_t end = row + FEW < w->rows ? row + FEW : w->rows;
            memset(some, 0, sizeof some);
            for (int64_t r = row; r < end; r++) {
                const float *x = w->x + r * w->size + from;
                if (here == LANES * 4)
                    for (int i = 0; i < LANES * 4; i++) some[i] += x[i];
                else
                    for (int64_t i = 0; i < here; i++) some[i] += x[i];
            }
            for (int64_t i = 0; i < here; i++) w->out[from + i] += some[i];
        }
    }
    (void)part;
}

// out (size) = the sum of all rows of x (rows x size); threads take columns.
EXPORT void sum_rows(const Array *x, Array *out) {
    int64_t size = last_axis(x);
    Matrix w = {floats(x), floats(out), size_of(x) / size, size};
    split((size + LANES * 4 - 1) / (LANES * 4), 0.15 * LANES * 4 * w.rows, sum_columns, &w);
}
