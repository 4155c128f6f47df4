// Small matrix products on one thread: rows of a matrix times a packed panel of columns, all sums in registers.
#pragma once
#include "kernels.h"

#define WIDTH (2 * LANES)  // columns of a panel
#if defined(__AVX512F__)
#define TALL 8  // rows at a time: 16 sums in 32 registers
#elif defined(__AVX__)
#define TALL 6  // 12 sums in 16 registers
#else
#define TALL 4
#endif

static inline int64_t panels(int64_t columns) { return (columns + WIDTH - 1) / WIDTH; }

// A matrix as panels: all rows of the first WIDTH columns, then of the next; zeros fill the last one.
// `across` and `down` are the distances, in floats, between neighbouring columns and rows of the source.
static inline void pack(float *panel, const float *source, int64_t rows, int64_t columns, int64_t down, int64_t across) {
    for (int64_t from = 0; from < columns; from += WIDTH) {
        int64_t here = columns - from < WIDTH ? columns - from : WIDTH;
        for (int64_t row = 0; row < rows; row++, panel += WIDTH) {
            const float *at = source + row * down + from * across;
            if (across == 1)
                memcpy(panel, at, here * sizeof *panel);
            else
                for (int64_t i = 0; i < here; i++) panel[i] = at[i * across];
            for (int64_t i = here; i < WIDTH; i++) panel[i] = 0;
        }
    }
}

typedef struct {
    const float *start;
    int64_t down, across;  // distances between rows and between columns, in floats
} Matrix;

// `tall` rows of a times one panel of `depth` rows, times scale; added to out, or written there.
static inline __attribute__((always_inline)) void tile(int tall, Matrix a, int64_t depth, const float *panel, float *out,
                                                       int64_t down, int64_t columns, float scale, int add) {
    vector sums[TALL][2] = {{{0}}};
    const float *at = a.start;
    for (int64_t k = 0; k < depth; k++, panel += WIDTH, at += a.across) {
        vector left = loaded(panel), right = loaded(panel + LANES);
        for (int i = 0; i < tall; i++) {
            float x = at[i * a.down];
            sums[i][0] += left * x;
            sums[i][1] += right * x;
        }
    }
    for (int i = 0; i < tall; i++, out += down) {
        vector left = sums[i][0] * scale, right = sums[i][1] * scale;
        if (columns == WIDTH) {
            store(out, add ? loaded(out) + left : left);
            store(out + LANES, add ? loaded(out + LANES) + right : right);
        } else {
            for (int64_t j = 0; j < columns; j++) {
                float value = j < LANES ? left[j] : right[j - LANES];
                out[j] = add ? out[j] + value : value;
            }
        }
    }
}

// out (rows x columns) = or += scale * a (rows x depth) times packed panels that have `packed` rows each, from row `first` on.
static inline void product(int64_t rows, int64_t columns, int64_t depth, Matrix a, const float *packed_panels, int64_t packed,
                           int64_t first, float *out, int64_t down, float scale, int add) {
    for (int64_t from = 0; from < columns; from += WIDTH) {
        const float *panel = packed_panels + (from / WIDTH * packed + first) * WIDTH;
        int64_t here = columns - from < WIDTH ? columns - from : WIDTH, row = 0;
        for (; row + TALL <= rows; row += TALL) {
            Matrix some = {a.start + row * a.down, a.down, a.across};
            tile(TALL, some, depth, panel, out + row * down + from, down, here, scale, add);
        }
        for (; row < rows; row++) {
            Matrix some = {a.start + row * a.down, a.down, a.across};
            tile(1, some, depth, panel, out + row * down + from, down, here, scale, add);
        }
    }
}
