// Convolution: windows times weights, summed in registers over runs of windows (sheet.h).
#include "sheet.h"
#include "tile.h"

#define DEPTH 512

typedef struct {
    Sheet sheet;
    const Array *x, *w, *bias;
    Array *out;
    float *packed;  // the weights, group by group, panel by panel: (taps, rows of the panel)
    int64_t outputs, taps;  // of one group; all taps of a window
} Convolution;

static void pack(const Convolution *v, int64_t group, int64_t first, int64_t last, float *to) {
    const Array *w = v->w;
    const intptr_t *by = w->strides;
    for (int64_t c = 0; c < w->shape[2]; c++)
        for (int64_t i = 0; i < w->shape[3]; i++)
            for (int64_t j = 0; j < w->shape[4]; j++) {
                const char *from = w->data + group * by[0] + c * by[2] + i * by[3] + j * by[4];
                for (int64_t row = first; row < last; row++) *to++ = *(const float *)(from + row * by[1]);
            }
}

static void pack_panels(void *given, int64_t first, int64_t last, int part) {
    const Convolution *v = given;
    int64_t panels = panels_of(v->outputs);
    for (int64_t item = first; item < last; item++) {
        int64_t group = item / panels, row = first_row(v->outputs, item % panels);
        float *to = v->packed + (group * v->outputs + row) * v->taps;
        pack(v, group, row, first_row(v->outputs, item % panels + 1), to);
    }
    (void)part;
}

// sums (outputs, windows) of a block from its sheet. The weights of DEPTH taps of a panel stay in the first cache.
static void multiply(const Convolution *v, int64_t group, int64_t windows, const float *sheet, const int64_t *offset,
                     float *sums, int64_t pitch) {
    const float *weights = v->packed + group * v->outputs * v->taps;
    for (int64_t tap = 0; tap == 0 || tap < v->taps; tap += DEPTH) {
        int64_t depth = v->taps - tap < DEPTH ? v->taps - tap : DEPTH;
        for (int64_t panel = 0; panel < panels_of(v->outputs); panel++) {
            int64_t row = first_row(v->outputs, panel), rows = first_row(v->outputs, panel + 1) - row;
            const float *a = weights + row * v->taps + tap * rows;
            for (int64_t p = 0; p < windows; p += WIDTH)
                tile((int)rows, depth, a, sheet + p, offset + tap, sums + row * pitch + p, pitch, tap > 0);
        }
    }
}

static void write_row(float *to, int64_t stride, const float *from, int64_t count, float bias) {
    if (stride == 1)
        for (int64_t j = 0; j < count; j++) to[j] = from[j] + bias;
    else
        for (int64_t j = 0; j < count; j++) to[j * stride] = from[j] + bias;
}

// What is no window is left behind.
static void write_out(const Convolution *v, const Block *b, int64_t group, const float *sums, int64_t pitch) {
    int64_t stride = v->out->strides[3] / (int64_t)sizeof(float), wide = v->sheet.wide.count;
    for (int64_t o = 0; o < v->outputs; o++) {
        int64_t channel = group * v->outputs + o;
        float bias = size_of(v->bias) ? floats(v->bias)[channel] : 0.0f;
        for (int64_t n = 0; n < b->images; n++)
            for (int64_t i = 0; i < b->rows; i++)
                write_row((float *)element(v->out, b->image + n, channel, b->row + i, 0), stride,
                          sums + o * pitch + i * b->line + n * v->sheet.pitch, wide, bias);
    }
}

static void convolve_blocks(void *given, int64_t first, int64_t last, int part) {
    const Convolution *v = given;
    const Sheet *s = &v->sheet;
    int64_t pitch = (block_windows(s) + WIDTH - 1) / WIDTH * WIDTH, blocks = s->parts * s->bands;
    float *memory = scratch((block_size(s) + v->outputs * pitch) * sizeof *memory);
    float *sheet = at_line(memory), *sums = sheet + block_size(s);
    int64_t *offset = scratch(v->taps * sizeof *offset);
    for (int64_t item = first; item < last; item++) {
        int64_t group = item / blocks;
        Block b = block_of(s, item % blocks);
        lay_out(s, &b, v->x, group * s->channels, sheet);
        tap_offsets(s, &b, offset);
        multiply(v, group, windows_in(s, &b), sheet, offset, sums, pitch);
        write_out(v, &b, group, sums, pitch);
    }
    free(offset);
    free(memory);
    (void)part;
}

// x (N, groups * channels, ...), w (groups, outputs, channels, taps, taps), bias (groups * outputs) or empty:
// out (N, groups * outputs, count, count). All may have any strides.
EXPORT void convolve(const Array *x, const Array *w, const Array *bias, Array *out, const Array *settings) {
    Convolution v = {sheet_of(x, w, out, settings), x, w, bias, out, NULL, w->shape[1], 0};
    v.taps = w->shape[2] * w->shape[3] * w->shape[4];
    v.packed = scratch(size_of(w) * sizeof *v.packed);
    split(w->shape[0] * panels_of(v.outputs), 1.0 * v.taps * ROWS, pack_panels, &v);
    int64_t items = w->shape[0] * v.sheet.parts * v.sheet.bands;
    double work = (double)v.outputs * (v.taps + 10) * block_windows(&v.sheet);
    split(items, 0.02 * work, convolve_blocks, &v);
    free(v.packed);
}
