// The bends between layers, element by element, and what gradients become on their way back through them.
#include "elements.h"

typedef struct {
    const float *x, *g;
    float *out;
} Elements;

static inline float bell_of(float x) { return 0.398942280f * exponential(-0.5f * x * x); }

static inline float gelu_of(float x) { return 0.5f * x * (1.0f + error_function(x * 0.707106781f)); }
static inline float gelu_slope(float x) { return 0.5f * (1.0f + error_function(x * 0.707106781f)) + x * bell_of(x); }

static inline float gelu_tanh_of(float x) {
    return 0.5f * x * (1.0f + hyperbolic_tangent(0.797884561f * (x + 0.044715f * x * x * x)));
}
static inline float gelu_tanh_slope(float x) {
    float t = hyperbolic_tangent(0.797884561f * (x + 0.044715f * x * x * x));
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * 0.797884561f * (1.0f + 0.134145f * x * x);
}

static inline float silu_of(float x) { return x * logistic(x); }
static inline float silu_slope(float x) {
    float s = logistic(x);
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
