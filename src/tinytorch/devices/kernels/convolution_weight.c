// The gradient of a convolution's weights: how windows go with what is made of them, summed over all.
#include "sheet.h"
#include "tile.h"

#define MOST_SUMS 16777216  // floats that all threads together may take for sums of their own

typedef struct {
    Sheet sheet;
    const Array *x, *g;
    float *sums;  // for each piece of the work: (groups, taps, lanes)
    int64_t groups, outputs, taps, lanes, pieces;  // lanes: the outputs of a group, rounded up to whole vectors
} Weight;

// Registers hold the sums of some taps (rows) with one or two vectors of outputs; each window adds to all of them.
INLINE void correlate_of(const int rows, const int vectors, const Sheet *s, const Block *b, const float *sheet,
                         const int64_t *offset, const float *g, float *sums, int64_t pitch) {
    vector low[ROWS] = {0}, high[ROWS] = {0};
    for (int64_t i = 0; i < b->rows; i++)
        for (int64_t n = 0; n < b->images; n++) {
            const float *x[ROWS];
            for (int r = 0; r < rows; r++) x[r] = sheet + offset[r] + i * b->line + n * s->pitch;
            for (int64_t j = 0; j < s->wide.count; j++, g += vectors * LANES) {
                vector left = loaded(g), right = vectors > 1 ? loaded(g + LANES) : left;
                for (int r = 0; r < rows; r++) {
                    low[r] += left * x[r][j];
                    if (vectors > 1) high[r] += right * x[r][j];
                }
            }
        }
    for (int r = 0; r < rows; r++) {
        float *at = sums + r * pitch;
        store(at, loaded(at) + low[r]);
        if (vectors > 1) store(at + LANES, loaded(at + LANES) + high[r]);
    }
}

#define CORRELATE(rows)                                                                   \
    case rows:                                                                            \
        if (vectors > 1) correlate_of(rows, 2, s, b, sheet, offset, g, sums, pitch);      \
        else correlate_of(rows, 1, s, b, sheet, offset, g, sums, pitch);                  \
        break;

static void correlate(int rows, int vectors, const Sheet *s, const Block *b, const float *sheet, const int64_t *offset,
                      const float *g, float *sums, int64_t pitch) {
    switch (rows) {
        CORRELATE(1) CORRELATE(2) CORRELATE(3) CORRELATE(4)
#if ROWS > 4
        CORRELATE(5) CORRELATE(6)
#endif
#if ROWS > 6
        CORRELATE(7) CORRELATE(8)
#endif
    }
}

// A strip of outputs of all windows of a block, `width` numbers for each window; zeros where there are no outputs.
static void turn(const Weight *v, const Block *b, int64_t channel, int64_t outputs, int64_t width, float *to) {
    int64_t count = v->sheet.wide.count, stride = v->g->strides[3] / (int64_t)sizeof(float);
    if (outputs < width) memset(to, 0, b->rows * b->images * count * width * sizeof *to);
    for (int64_t i = 0; i < b->rows; i++)
        for (int64_t n = 0; n < b->images; n++, to += count * width)
            for (int64_t o = 0; o < outputs; o++) {
                const float *from = element(v->g, b->image + n, channel + o, b->row + i, 0);
                for (int64_t j = 0; j < count; j++) to[j * width + o] = from[j * stride];
            }
}

static void correlate_block(const Weight *v, const Block *b, int64_t group, const float *sheet, const int64_t *offset,
                            float *turned, float *sums) {
    for (int64_t o = 0; o < v->lanes; o += WIDTH) {
        int64_t width = v->lanes - o < WIDTH ? LANES : WIDTH, there = v->outputs - o < width ? v->outputs - o : width;
        turn(v, b, group * v->outputs + o, there, width, turned);
        for (int64_t panel = 0; panel < panels_of(v->taps); panel++) {
            int64_t first = first_row(v->taps, panel), rows = first_row(v->taps, panel + 1) - first;
            correlate((int)rows, (int)(width / LANES), &v->sheet, b, sheet, offset + first, turned,
                      sums + first * v->lanes + o, v->lanes);
        }
    }
}

static void correlate_blocks(const Weight *v, int64_t first, int64_t last, float *sums) {
    const Sheet *s = &v->sheet;
    int64_t blocks = s->parts * s->bands;
    float *memory = scratch((block_size(s) + block_windows(s) * WIDTH) * sizeof *memory);
    float *sheet = at_line(memory), *turned = sheet + block_size(s);
    int64_t *offset = scratch(v->taps * sizeof *offset);
    memset(sums, 0, v->groups * v->taps * v->lanes * sizeof *sums);
    for (int64_t item = first; item < last; item++) {
        int64_t group = item / blocks;
        Block b = block_of(s, item % blocks);
        lay_out(s, &b, v->x, group * s->channels, sheet);
        tap_offsets(s, &b, offset);
        correlate_block(v, &b, group, sheet, offset, turned, sums + group * v->taps * v->lanes);
    }
    free(offset);
    free(memory);
}

static void correlate_pieces(void *given, int64_t first, int64_t last, int part) {
    const Weight *v = given;
    int64_t items = v->groups * v->sheet.parts * v->sheet.bands;
    for (int64_t piece = first; piece < last; piece++)
        correlate_blocks(v, items * piece / v->pieces, items * (piece + 1) / v->pieces,
                         v->sums + piece * v->groups * v->taps * v->lanes);
    (void)part;
}

// out (groups, outputs, channels, taps, taps), without gaps, from the sums of all pieces.
static void gather(const Weight *v, float *out) {
    int64_t size = v->groups * v->taps * v->lanes;
    for (int64_t group = 0; group < v->groups; group++)
        for (int64_t o = 0; o < v->outputs; o++)
            for (int64_t tap = 0; tap < v->taps; tap++) {
                const float *from = v->sums + (group * v->taps + tap) * v->lanes + o;
                float sum = from[0];
                for (int64_t piece = 1; piece < v->pieces; piece++) sum += from[piece * size];
                *out++ = sum;
            }
}

// x (N, groups * channels, ...), g (N, groups * outputs, count, count).
EXPORT void convolution_weight(const Array *x, const Array *g, Array *out, const Array *settings) {
    Weight v = {sheet_of(x, out, g, settings), x, g, NULL, out->shape[0], out->shape[1], 0, 0, 0};
    v.taps = out->shape[2] * out->shape[3] * out->shape[4];
    v.lanes = (v.outputs + LANES - 1) / LANES * LANES;
    int64_t items = v.groups * v.sheet.parts * v.sheet.bands, size = v.groups * v.taps * v.lanes;
    double cost = 0.02 * items * v.lanes * (v.taps + 8) * block_windows(&v.sheet);
    v.pieces = threads() < items ? threads() : items;
    if (v.pieces * size > MOST_SUMS) v.pieces = MOST_SUMS / size < 1 ? 1 : MOST_SUMS / size;
    if (v.pieces * 10000.0 > cost) v.pieces = 1;  // `split` would do them in turn
    v.sums = scratch(v.pieces * size * sizeof *v.sums);
    split(v.pieces, cost / v.pieces, correlate_pieces, &v);
    gather(&v, floats(out));
    free(v.sums);
}
