// Images laid out so that one place of all windows is one run of memory: what convolutions read.
//
// A sheet holds a block of images: some images side by side, or a band of rows of one. Windows are numbered
// row by row through all images of the block; the tap (channel, row, column) of window p is then at offset[tap] + p.
// Between the last window of an image's row and the first of the next image's come a few numbers that are no windows:
// what is computed for them is dropped. That costs a few percent, where a matrix of all windows costs copying each
// element once per tap. For a stride s the elements lie in s * s planes by what their place leaves over when divided by s.
#pragma once
#include "kernels.h"

typedef struct {  // one axis of the images
    int64_t size, count, taps;    // elements, windows, elements that a window reads
    int64_t step, gap, before;    // from window to window, from tap to tap, zeros in front
    int64_t planes, reach;        // planes that hold what taps read; how far a tap lies from its window, within a plane
} Axis;

typedef struct {
    Axis high, wide;
    int64_t channels, batch;  // channels of one group
    int64_t pitch;            // from an image to the one beside it
    int64_t parts, bands;     // the batch in so many parts, or each image in so many bands
} Sheet;

typedef struct {  // which windows, and where they lie
    int64_t image, images, row, rows;
    int64_t line, plane;  // from a row to the next, from a plane to the next
} Block;

// settings: step, gap and zeros in front of each of the two axes; w (groups, outputs, channels, taps, taps);
// out (batch, channels, count, count).
Sheet sheet_of(const Array *x, const Array *w, const Array *out, const Array *settings);
Block block_of(const Sheet *s, int64_t number);                     // of parts * bands
int64_t block_size(const Sheet *s);                                 // floats of the largest
int64_t block_windows(const Sheet *s);                              // of the largest, with what is dropped
void lay_out(const Sheet *s, const Block *b, const Array *x, int64_t channel, float *to);  // from a channel on
void tap_offsets(const Sheet *s, const Block *b, int64_t *offset);  // in the order channel, row, column

static inline int64_t windows_in(const Sheet *s, const Block *b) {
    return b->rows * b->line - (s->pitch - s->wide.count);
}

static inline const float *element(const Array *x, int64_t n, int64_t c, int64_t i, int64_t j) {
    return (const float *)(x->data + n * x->strides[0] + c * x->strides[1] + i * x->strides[2] + j * x->strides[3]);
}

static inline void *scratch(int64_t bytes) {
    void *made = malloc(bytes + 64);
    if (!made) abort();  // a thread has nobody to tell
    return made;
}

// Where the next cache line begins: vectors that lie across two of them cost a fifth of the speed.
static inline float *at_line(float *memory) { return (float *)(((uintptr_t)memory + 63) / 64 * 64); }

// A short run of floats; a call of memcpy costs as much as copying a hundred.
static inline void copy_run(float *to, const float *from, int64_t count) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) store(to + i, loaded(from + i));
    if (i < count && count >= LANES) store(to + count - LANES, loaded(from + count - LANES));
    else
        for (; i < count; i++) to[i] = from[i];
}
