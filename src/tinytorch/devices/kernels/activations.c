// The bends between layers, element by element, and what gradients become on their way back through them.
#include "kernels.h"

typedef struct {
    const float *x, *g;
    float *out;
} Elements;

// erf to 4 units in the last place: a quotient of two polynomials between -4 and 4, where it reaches 1 in float32.
static inline float erf_of(float x) {
    float kept = x > 4.0f ? 4.0f : x < -4.0f ? -4.0f : x, s = kept * kept;
    float top = -2.72614225801306e-10f, bottom = -1.45660718464996e-05f;
    top = top * s + 2.77068142495902e-08f;
    top = top * s - 2.10102402082508e-06f;
    top = top * s - 5.69250639462346e-05f;
    top = top * s - 7.34990630326855e-04f;
    top = top * s - 2.95459980854025e-03f;
    top = top * s - 1.60960333262415e-02f;
    bottom = bottom * s - 2.13374055278905e-04f;
    bottom = bottom * s - 1.68282697438203e-03f;
    bottom = bottom * s - 7.37332916720468e-03f;
    bottom = bottom * s - 1.42647390514189e-02f;
    return kept * top / bottom;
}

static inline float sigmoid_of(float x) { return 1.0f / (1.0f + exponential(-x)); }

static inline float tanh_of(float x) {
    float size = x < 0 ? -x : x, e = exponential(-2.0f * size), made = (1.0f - e) / (1.0f + e);
    return x < 0 ? -made : made;
}

static inline float bell_of(float x) { return 0.398942280f * exponential(-0.5f * x * x); }

static inline float gelu_of(float x) { return 0.5f * x * (1.0f + erf_of(x * 0.707106781f)); }
static inline float gelu_slope(float x) { return 0.5f * (1.0f + erf_of(x * 0.707106781f)) + x * bell_of(x); }

static inline float gelu_tanh_of(float x) {
    return 0.5f * x * (1.0f + tanh_of(0.797884561f * (x + 0.044715f * x * x * x)));
}
static inline float gelu_tanh_slope(float x) {
    float t = tanh_of(0.797884561f * (x + 0.044715f * x * x * x));
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * 0.797884561f * (1.0f + 0.134145f * x * x);
}

static inline float silu_of(float x) { return x * sigmoid_of(x); }
static inline float silu_slope(float x) {
    float s = sigmoid_of(x);
    return s * (1.0f + x * (1.0f - s));
}

// For each bend a function of whole arrays, and one for its gradient: g times the slope at x.
#define BEND(name)                                                                            \
    static void name##_part(void *given, int64_t first, int64_t last, int part) {             \
        const Elements *w = given;                                                            \
        for (int64_t i = first; i < last; i++) w->out[i] = name##_of(w->x[i]);                \
        (void)part;                                                                           \
    }                                                                                         \
    EXPORT void name(const Array *x, Array *out) {                                            \
        Elements w = {floats(x), NULL, floats(out)};                                          \
        split(size_of(x), 0.7, name##_part, &w);                                              \
    }                                                                                         \
    static void name##_gradient_part(void *given, int64_t first, int64_t last, int part) {    \
        const Elements *w = given;                                                            \
        for (int64_t i = first; i < last; i++) w->out[i] = w->g[i] * name##_slope(w->x[i]);   \
        (void)part;                                                                           \
    }                                                                                         \
    EXPORT void name##_gradient(const Array *g, const Array *x, Array *out) {                 \
        Elements w = {floats(x), floats(g), floats(out)};                                     \
        split(size_of(x), 1.0, name##_gradient_part, &w);                                     \
    }

BEND(gelu)
BEND(gelu_tanh)
BEND(silu)
