// Steps of optimizers, written over the parameter and the state: one pass over memory instead of ten.
#include "kernels.h"

typedef struct {
    float *p, *first, *second, *largest;
    const float *g;
    float lr, momentum, damped, decay, eps, spread;  // spread: 1 / sqrt(1 - beta2 ** step)
    float kept, fresh1, fresh2;                        // beta2, 1 - beta1, 1 - beta2: each rounded once
    int decoupled, nesterov;
} Step;

static void sgd_part(void *given, int64_t from, int64_t to, int part) {
    Step w = *(const Step *)given;
    for (int64_t i = from; i < to; i++) {
        float g = w.g[i] + w.p[i] * w.decay;
        if (w.first) {
            float velocity = w.first[i] * w.momentum + g * w.damped;
            w.first[i] = velocity;
            g = w.nesterov ? g + velocity * w.momentum : velocity;
        }
        w.p[i] -= g * w.lr;
    }
    (void)part;
}

static inline float *or_null(Array *x) { return x->shape && x->axes == 1 && !x->shape[0] ? NULL : floats(x); }

EXPORT void sgd(Array *p, const Array *g, Array *velocity, float lr, float momentum, float damped, float decay, int nesterov) {
    Step w = {.p = floats(p), .g = floats(g), .first = or_null(velocity), .lr = lr, .momentum = momentum, .damped = damped,
        .decay = decay, .nesterov = nesterov};
    split(size_of(p), 0.4, sgd_part, &w);
}

static inline __attribute__((always_inline)) void adam_items(Step w, int64_t from, int64_t to, int coupled, int amsgrad) {
    float shrink = w.decoupled ? 1.0f - w.decay : 1.0f;
    for (int64_t i = from; i < to; i++) {
        float p = w.p[i] * shrink, g = w.g[i];
        if (coupled) g += p * w.decay;
        float mean = w.first[i] + (g - w.first[i]) * w.fresh1;
        float variance = w.second[i] * w.kept + g * g * w.fresh2, top = variance;
        w.first[i] = mean;
        w.second[i] = variance;
        if (amsgrad) w.largest[i] = top = w.largest[i] > variance ? w.largest[i] : variance;
        w.p[i] = p - w.lr * (mean / (sqrtf(top) * w.spread + w.eps));
    }
}

static void adam_part(void *given, int64_t from, int64_t to, int part) {
    const Step *w = given;
    int coupled = w->decay != 0 && !w->decoupled;
    if (!coupled && !w->largest)
        adam_items(*w, from, to, 0, 0);
    else
        adam_items(*w, from, to, coupled, w->largest != NULL);
    (void)part;
}

// lr is already over the bias of the mean; decay is lr * decay where it is decoupled.
EXPORT void adam(Array *p, const Array *g, Array *mean, Array *variance, Array *largest, float lr, float kept, float fresh1,
                 float fresh2, float eps, float decay, float spread, int decoupled) {
    Step w = {.p = floats(p), .g = floats(g), .first = floats(mean), .second = floats(variance), .largest = or_null(largest),
        .lr = lr, .kept = kept, .fresh1 = fresh1, .fresh2 = fresh2, .eps = eps, .decay = decay, .spread = spread, .decoupled = decoupled};
    split(size_of(p), 0.7, adam_part, &w);
}
