// A tile of a matrix product, held in registers: the inner loop of a convolution.
#pragma once
#include "kernels.h"

// Rows of a tile: with two vectors in each, as many sums as leave room for what they are made of.
#if defined(__AVX512F__) || defined(__aarch64__)
#define ROWS 8
#elif defined(__AVX__)
#define ROWS 6
#else
#define ROWS 4
#endif
#define WIDTH (2 * LANES)
#define INLINE static inline __attribute__((always_inline))

// c[r, j] = sum over k of a[k * rows + r] * b[offset[k] + j], for r < rows and j < WIDTH; row r starts at c + r * pitch.
// With `more` the sums go on from what stands there.
INLINE void tile_of(const int rows, int64_t depth, const float *a, const float *b, const int64_t *offset, float *c,
                    int64_t pitch, int more) {
    vector low[ROWS] = {0}, high[ROWS] = {0};
    if (more)
        for (int r = 0; r < rows; r++) low[r] = loaded(c + r * pitch), high[r] = loaded(c + r * pitch + LANES);
    for (int64_t k = 0; k < depth; k++) {
        vector left = loaded(b + offset[k]), right = loaded(b + offset[k] + LANES);
        for (int r = 0; r < rows; r++) {
            low[r] += left * a[r];
            high[r] += right * a[r];
        }
        a += rows;
    }
    for (int r = 0; r < rows; r++) {
        store(c + r * pitch, low[r]);
        store(c + r * pitch + LANES, high[r]);
    }
}

// The number of rows has to be a constant where the sums are to stay in registers.
static inline void tile(int rows, int64_t depth, const float *a, const float *b, const int64_t *offset, float *c,
                        int64_t pitch, int more) {
    switch (rows) {
    case 1: tile_of(1, depth, a, b, offset, c, pitch, more); break;
    case 2: tile_of(2, depth, a, b, offset, c, pitch, more); break;
    case 3: tile_of(3, depth, a, b, offset, c, pitch, more); break;
    case 4: tile_of(4, depth, a, b, offset, c, pitch, more); break;
#if ROWS > 4
    case 5: tile_of(5, depth, a, b, offset, c, pitch, more); break;
    case 6: tile_of(6, depth, a, b, offset, c, pitch, more); break;
#endif
#if ROWS > 6
    case 7: tile_of(7, depth, a, b, offset, c, pitch, more); break;
    case 8: tile_of(8, depth, a, b, offset, c, pitch, more); break;
#endif
    }
}

// The rows of a matrix in panels of nearly equal height, ROWS at most: panel i starts at row first_row(rows, i).
static inline int64_t panels_of(int64_t rows) { return (rows + ROWS - 1) / ROWS; }
static inline int64_t first_row(int64_t rows, int64_t panel) { return rows * panel / panels_of(rows); }
