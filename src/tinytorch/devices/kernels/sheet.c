// Blocks of images laid out for convolutions: see sheet.h.
#include "sheet.h"

#define BLOCK 98304  // floats that a block and its results may take, a part of a common second cache

static int64_t above(int64_t x, int64_t by) { return x > 0 ? (x + by - 1) / by : 0; }
static int64_t least(int64_t x, int64_t y) { return x < y ? x : y; }
static int64_t most(int64_t x, int64_t y) { return x > y ? x : y; }

static Axis axis_of(const Array *x, const Array *w, const Array *out, const int64_t *settings, int which) {
    Axis a = {x->shape[2 + which], out->shape[2 + which], w->shape[3 + which], settings[which], settings[2 + which],
              settings[4 + which], 0, 0};
    int64_t period = 1;
    while (period * a.gap % a.step) period++;
    a.planes = least(a.taps, period);
    a.reach = a.taps ? (a.taps - 1) * a.gap / a.step : 0;
    return a;
}

// Columns first to last - 1 of a plane hold elements, the others zeros; `from` is the element of the first.
typedef struct {
    int64_t first, last, from;
} Run;

static Run run_of(const Axis *a, int64_t plane) {
    int64_t phase = plane * a->gap % a->step, whole = a->count + a->reach;
    Run r = {least(above(a->before - phase, a->step), whole), least(above(a->size + a->before - phase, a->step), whole), 0};
    r.last = most(r.first, r.last);
    r.from = r.first * a->step + phase - a->before;
    return r;
}

// Zeros behind an image serve as the zeros in front of its neighbour.
static int64_t pitch_of(const Axis *a) {
    int64_t whole = a->count + a->reach, zeros = whole, end = 0;
    for (int64_t plane = 0; plane < a->planes; plane++) {
        Run r = run_of(a, plane);
        zeros = least(zeros, r.first);
        end = most(end, r.last);
    }
    return most(a->count, most(end, whole - zeros));
}

// Blocks that fit a cache, as many for one thread as for another.
static void cut(Sheet *s, int64_t outputs) {
    int64_t planes = s->channels * s->high.planes * s->wide.planes;
    int64_t image = s->pitch * (planes * (s->high.count + s->high.reach) + outputs * s->high.count);
    int64_t fitting = BLOCK / most(image, 1);
    s->bands = fitting ? 1 : least(s->high.count, above(image, BLOCK));
    s->parts = fitting ? above(s->batch, fitting) : s->batch;
    s->parts = least(s->batch, above(s->parts, threads()) * threads());
    if (s->parts * s->bands < threads()) s->bands = least(s->high.count, above(threads(), s->parts));
}

Sheet sheet_of(const Array *x, const Array *w, const Array *out, const Array *settings) {
    const int64_t *given = (const int64_t *)settings->data;
    Sheet s = {axis_of(x, w, out, given, 0), axis_of(x, w, out, given, 1), w->shape[2], x->shape[0], 0, 0, 0};
    s.pitch = pitch_of(&s.wide);
    cut(&s, w->shape[1]);
    return s;
}

static void measure(const Sheet *s, Block *b) {
    b->line = b->images * s->pitch;
    b->plane = (b->rows + s->high.reach) * b->line + s->wide.reach + 2 * LANES;  // a last vector reads beyond
}

Block block_of(const Sheet *s, int64_t number) {
    int64_t part = number / s->bands, band = number % s->bands;
    Block b = {s->batch * part / s->parts, s->batch * (part + 1) / s->parts, s->high.count * band / s->bands,
               s->high.count * (band + 1) / s->bands, 0, 0};
    b.images -= b.image;
    b.rows -= b.row;
    measure(s, &b);
    return b;
}

static Block largest(const Sheet *s) {
    Block b = {0, above(s->batch, s->parts), 0, above(s->high.count, s->bands), 0, 0};
    measure(s, &b);
    return b;
}

int64_t block_size(const Sheet *s) {
    return above(s->channels * s->high.planes * s->wide.planes * largest(s).plane, 16) * 16;  // whole cache lines
}

int64_t block_windows(const Sheet *s) {
    Block b = largest(s);
    return b.rows * b.line;
}

void tap_offsets(const Sheet *s, const Block *b, int64_t *offset) {
    const Axis *high = &s->high, *wide = &s->wide;
    for (int64_t c = 0; c < s->channels; c++)
        for (int64_t i = 0; i < high->taps; i++)
            for (int64_t j = 0; j < wide->taps; j++) {
                int64_t plane = (c * high->planes + i % high->planes) * wide->planes + j % wide->planes;
                *offset++ = plane * b->plane + i * high->gap / high->step * b->line + j * wide->gap / wide->step;
            }
}

static void lay_row(float *restrict to, const float *restrict from, int64_t count, int64_t stride) {
    if (stride == 1) copy_run(to, from, count);
    else if (stride == 2)  // known when this is compiled, which makes vectors of it
        for (int64_t j = 0; j < count; j++) to[j] = from[j * 2];
    else
        for (int64_t j = 0; j < count; j++) to[j] = from[j * stride];
}

// One plane of one channel, whose zeros are there already.
static void lay_plane(const Sheet *s, const Block *b, const Array *x, int64_t channel, int64_t phase, Run wide, float *to) {
    int64_t stride = s->wide.step * x->strides[3] / (int64_t)sizeof(float);
    for (int64_t i = 0; i < b->rows + s->high.reach; i++) {
        int64_t row = (b->row + i) * s->high.step + phase - s->high.before;
        if (row < 0 || row >= s->high.size) continue;
        float *at = to + i * b->line + wide.first;
        for (int64_t n = 0; n < b->images; n++, at += s->pitch)
            lay_row(at, element(x, b->image + n, channel, row, wide.from), wide.last - wide.first, stride);
    }
}

void lay_out(const Sheet *s, const Block *b, const Array *x, int64_t channel, float *to) {
    memset(to, 0, s->channels * s->high.planes * s->wide.planes * b->plane * sizeof(float));
    for (int64_t c = 0; c < s->channels; c++)
        for (int64_t i = 0; i < s->high.planes; i++)
            for (int64_t j = 0; j < s->wide.planes; j++, to += b->plane)
                lay_plane(s, b, x, channel + c, i * s->high.gap % s->high.step, run_of(&s->wide, j), to);
}
