// Pooling: the largest or the sum of each window, and what a gradient becomes on its way back.
#include "kernels.h"

// settings: step, gap and elements in front of each of the two axes, then how many elements a window reads.
typedef struct {
    int64_t size, count, taps, step, gap, before;
} Axis;

typedef struct {
    Axis high, wide;
    const float *x;    // planes (size, size): read going forward, written on the way back
    const float *g;    // planes (count, count), as are these
    const int32_t *won;
    float *out;
    int32_t *which;
} Pool;

static Axis axis_of(int64_t size, int64_t count, const Array *settings, int which) {
    const int64_t *given = (const int64_t *)settings->data + which;
    return (Axis){size, count, given[6], given[0], given[2], given[4]};
}

// Windows first to last - 1 have tap `tap` inside.
typedef struct {
    int64_t first, last, from;  // `from` is the element that the first of them reads
} Run;

static Run run_of(const Axis *a, int64_t tap) {
    int64_t place = tap * a->gap - a->before;  // of the tap in window 0
    int64_t first = place >= 0 ? 0 : (a->step - 1 - place) / a->step;
    int64_t last = place >= a->size ? 0 : (a->size - 1 - place) / a->step + 1;
    last = last < a->count ? last : a->count;
    return (Run){first, last > first ? last : first, first * a->step + place};
}

// The first tap of a window that is not in the padding, -1 if all are.
static int64_t first_inside(const Axis *a, int64_t window) {
    int64_t place = window * a->step - a->before;
    for (int64_t tap = 0; tap < a->taps; tap++, place += a->gap)
        if (place >= 0 && place < a->size) return tap;
    return -1;
}

// One tap of a row of windows: the first among equals wins, and the last nan.
static inline __attribute__((always_inline)) void take(float *restrict best, int32_t *restrict which, const float *restrict x, int64_t step,
                                                       int64_t count, int32_t tap) {
    for (int64_t j = 0; j < count; j++) {
        float value = x[j * step];
        int better = (value > best[j]) | (value != value);
        best[j] = better ? value : best[j];
        which[j] = better ? tap : which[j];
    }
}

// The commonest steps are known when this is compiled, which makes vectors of them.
static void take_run(float *best, int32_t *which, const float *x, int64_t step, int64_t count, int32_t tap) {
    if (step == 1) take(best, which, x, 1, count, tap);
    else if (step == 2) take(best, which, x, 2, count, tap);
    else take(best, which, x, step, count, tap);
}

static void largest_of_row(const Pool *p, const float *x, int64_t i, float *best, int32_t *which) {
    const Axis *high = &p->high, *wide = &p->wide;
    int64_t top = first_inside(high, i);
    for (int64_t j = 0; j < wide->count; j++) {
        int64_t left = first_inside(wide, j);
        best[j] = -INFINITY;
        which[j] = top < 0 || left < 0 ? 0 : (int32_t)(top * wide->taps + left);
    }
    for (int64_t a = 0; a < high->taps; a++) {
        int64_t row = i * high->step + a * high->gap - high->before;
        if (row < 0 || row >= high->size) continue;
        for (int64_t b = 0; b < wide->taps; b++) {
            Run run = run_of(wide, b);
            take_run(best + run.first, which + run.first, x + row * wide->size + run.from, wide->step,
                     run.last - run.first, (int32_t)(a * wide->taps + b));
        }
    }
}

// Windows of 2x2 side by side, the commonest: both rows are read once.
static void largest_of_pairs(const float *restrict x, int64_t size, int64_t count, float *restrict best,
                             int32_t *restrict which) {
    const float *y = x + size;
    for (int64_t j = 0; j < count; j++) {
        float value = x[2 * j], next = x[2 * j + 1], below = y[2 * j], last = y[2 * j + 1];
        int32_t tap = 0, better = (next > value) | (next != next);
        value = better ? next : value;
        tap = better ? 1 : tap;
        better = (below > value) | (below != below);
        value = better ? below : value;
        tap = better ? 2 : tap;
        better = (last > value) | (last != last);
        best[j] = better ? last : value;
        which[j] = better ? 3 : tap;
    }
}

// Rows are taken in whole vectors where there is something behind them, since what is written too much is overwritten
// by the next row: rows of 14 took four times as long without.
static int64_t in_vectors(int64_t count, int64_t left) {
    int64_t whole = (count + LANES - 1) / LANES * LANES;
    return whole <= left ? whole : count;
}

static int in_pairs(const Axis *a) {
    return a->taps == 2 && a->step == 2 && a->gap == 1 && !a->before && a->size >= 2 * a->count;
}

static int pairs_of(const Pool *p) { return in_pairs(&p->high) && in_pairs(&p->wide); }

// Whether every element lies in a window of 2x2.
static int all_in_pairs(const Pool *p) {
    return 2 * p->high.count == p->high.size && 2 * p->wide.count == p->wide.size;
}

static void largest_pairs(const Pool *p, int64_t first, int64_t last) {
    const Axis *high = &p->high, *wide = &p->wide;
    int64_t at = first * high->count * wide->count, end = last * high->count * wide->count;
    const float *stop = p->x + last * high->size * wide->size;
    for (int64_t plane = first; plane < last; plane++)
        for (int64_t i = 0; i < high->count; i++, at += wide->count) {
            const float *x = p->x + (plane * high->size + 2 * i) * wide->size;
            int64_t left = (stop - x - wide->size) / 2;
            int64_t count = in_vectors(wide->count, left < end - at ? left : end - at);
            largest_of_pairs(x, wide->size, count, p->out + at, p->which + at);
        }
}

static void largest(void *given, int64_t first, int64_t last, int part) {
    const Pool *p = given;
    if (pairs_of(p)) return largest_pairs(p, first, last);
    for (int64_t plane = first; plane < last; plane++)
        for (int64_t i = 0; i < p->high.count; i++) {
            int64_t at = (plane * p->high.count + i) * p->wide.count;
            largest_of_row(p, p->x + plane * p->high.size * p->wide.size, i, p->out + at, p->which + at);
        }
    (void)part;
}

static Pool pool_of(const Array *x, const Array *y, const Array *settings) {
    return (Pool){axis_of(x->shape[1], y->shape[1], settings, 0), axis_of(x->shape[2], y->shape[2], settings, 1),
                  NULL, NULL, NULL, NULL, NULL};
}

static double cost_of(const Pool *p) {
    return 0.2 * p->high.count * p->wide.count * p->high.taps * p->wide.taps + 0.1 * p->high.size * p->wide.size;
}

// x (planes, size, size): out and which (planes, count, count).
EXPORT void max_pool(const Array *x, Array *out, Array *which, const Array *settings) {
    Pool p = pool_of(x, out, settings);
    p.x = floats(x), p.out = floats(out), p.which = (int32_t *)which->data;
    split(x->shape[0], cost_of(&p), largest, &p);
}

// One row of elements: those under tap `tap` and under the next.
static void return_to_row(const float *restrict g, const int32_t *restrict won, int32_t tap, int64_t count,
                          float *restrict x) {
    for (int64_t j = 0; j < count; j++) {
        x[2 * j] = won[j] == tap ? g[j] : 0.0f;
        x[2 * j + 1] = won[j] == tap + 1 ? g[j] : 0.0f;
    }
}

static void return_pairs(const Pool *p, int64_t first, int64_t last) {
    const Axis *high = &p->high, *wide = &p->wide;
    int64_t at = first * high->count * wide->count, end = last * high->count * wide->count;
    float *stop = p->out + last * high->size * wide->size;
    int all = all_in_pairs(p);  // else there are elements behind the windows, which have to stay zeros
    for (int64_t plane = first; plane < last; plane++)
        for (int64_t i = 0; i < high->count; i++, at += wide->count)
            for (int row = 0; row < 2; row++) {
                float *x = p->out + (plane * high->size + 2 * i + row) * wide->size;
                int64_t left = (stop - x) / 2, count = wide->count;
                if (all) count = in_vectors(count, left < end - at ? left : end - at);
                return_to_row(p->g + at, p->won + at, 2 * row, count, x);
            }
}

// Each number goes to the element that won its window.
static void return_row(const Pool *p, int64_t i, const float *g, const int32_t *won, float *x) {
    const Axis *high = &p->high, *wide = &p->wide;
    for (int64_t j = 0; j < wide->count; j++) {
        int64_t row = i * high->step + won[j] / wide->taps * high->gap - high->before;
        int64_t column = j * wide->step + won[j] % wide->taps * wide->gap - wide->before;
        if (row >= 0 && row < high->size && column >= 0 && column < wide->size) x[row * wide->size + column] += g[j];
    }
}

static void return_largest(void *given, int64_t first, int64_t last, int part) {
    const Pool *p = given;
    int64_t size = p->high.size * p->wide.size;
    int pairs = pairs_of(p);
    if (!pairs || !all_in_pairs(p)) memset(p->out + first * size, 0, (last - first) * size * sizeof(float));
    if (pairs) return return_pairs(p, first, last);
    for (int64_t plane = first; plane < last; plane++)
        for (int64_t i = 0; i < p->high.count; i++) {
            int64_t at = (plane * p->high.count + i) * p->wide.count;
            return_row(p, i, p->g + at, p->won + at, p->out + plane * size);
        }
    (void)part;
}

// g and which (planes, count, count): out (planes, size, size).
EXPORT void max_pool_gradient(const Array *g, const Array *which, Array *out, const Array *settings) {
    Pool p = pool_of(out, g, settings);
    p.g = floats(g), p.won = (const int32_t *)which->data, p.out = floats(out);
    split(g->shape[0], cost_of(&p), return_largest, &p);
}

// Rows of a plane that the windows of row i meet, one tap after the other; `back` says which way the numbers go.
static void sum_row(const Pool *p, int64_t i, float *x, float *y, int back) {
    const Axis *high = &p->high, *wide = &p->wide;
    for (int64_t a = 0; a < high->taps; a++) {
        int64_t row = i * high->step + a * high->gap - high->before;
        if (row < 0 || row >= high->size) continue;
        for (int64_t b = 0; b < wide->taps; b++) {
            Run run = run_of(wide, b);
            float *in = x + row * wide->size + run.from, *sum = y + run.first;
            int64_t count = run.last - run.first, step = wide->step;
            if (back)
                for (int64_t j = 0; j < count; j++) in[j * step] += sum[j];
            else if (step == 1)
                for (int64_t j = 0; j < count; j++) sum[j] += in[j];
            else
                for (int64_t j = 0; j < count; j++) sum[j] += in[j * step];
        }
    }
}

static void sums(void *given, int64_t first, int64_t last, int part) {
    const Pool *p = given;
    int back = p->x == NULL;
    int64_t size = p->high.size * p->wide.size, windows = p->high.count * p->wide.count;
    memset(p->out + first * (back ? size : windows), 0, (last - first) * (back ? size : windows) * sizeof(float));
    for (int64_t plane = first; plane < last; plane++)
        for (int64_t i = 0; i < p->high.count; i++) {
            float *x = (back ? p->out : (float *)p->x) + plane * size;
            float *y = (back ? (float *)p->g : p->out) + plane * windows;
            sum_row(p, i, x, y + i * p->wide.count, back);
        }
    (void)part;
}

// x (planes, size, size): out (planes, count, count).
EXPORT void sum_pool(const Array *x, Array *out, const Array *settings) {
    Pool p = pool_of(x, out, settings);
    p.x = floats(x), p.out = floats(out);
    split(x->shape[0], cost_of(&p), sums, &p);
}

// g (planes, count, count): out (planes, size, size).
EXPORT void sum_pool_gradient(const Array *g, Array *out, const Array *settings) {
    Pool p = pool_of(out, g, settings);
    p.g = floats(g), p.out = floats(out);
    split(g->shape[0], cost_of(&p), sums, &p);
}
