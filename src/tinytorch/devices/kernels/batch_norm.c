// Batch normalisation: each channel of (N, C, places) with mean 0 and spread 1, then scaled and shifted.
#include "kernels.h"

typedef struct {
    const float *x, *g, *weight, *bias;  // weight and bias may be NULL
    float *out, *mean, *variance, *to_weight, *to_bias;
    int64_t batch, channels, places;
    double eps;
} Norm;

static const float *optional(const Array *x) { return size_of(x) ? floats(x) : NULL; }

// Sums are of doubles, as PyTorch's are: with floats, a channel around 100 lost two digits of its mean.
static double sum_of(const float *x, int64_t count) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++) sum += x[i];
    return sum;
}

static double squares_of(const float *x, int64_t count, double mean) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++) sum += (x[i] - mean) * (x[i] - mean);
    return sum;
}

static double products_of(const float *x, const float *g, int64_t count, double mean) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++) sum += (x[i] - mean) * g[i];
    return sum;
}

static int64_t start(const Norm *v, int64_t image, int64_t channel) { return (image * v->channels + channel) * v->places; }

// Mean and (biased) variance of a channel.
static void statistics(const Norm *v, int64_t channel, double *mean, double *variance) {
    double sum = 0, squares = 0, count = (double)v->batch * v->places;
    for (int64_t n = 0; n < v->batch; n++) sum += sum_of(v->x + start(v, n, channel), v->places);
    *mean = sum / count;
    for (int64_t n = 0; n < v->batch; n++) squares += squares_of(v->x + start(v, n, channel), v->places, *mean);
    *variance = squares / count;
}

static void normalize(void *given, int64_t first, int64_t last, int part) {
    const Norm *v = given;
    for (int64_t c = first; c < last; c++) {
        double mean, variance;
        statistics(v, c, &mean, &variance);
        v->mean[c] = (float)mean;
        v->variance[c] = (float)variance;
        float slope = (float)((v->weight ? v->weight[c] : 1.0) / sqrt(variance + v->eps)), middle = v->mean[c];
        float shift = (float)((v->bias ? v->bias[c] : 0.0) - (mean - middle) * slope);
        for (int64_t n = 0; n < v->batch; n++) {
            const float *x = v->x + start(v, n, c);
            float *out = v->out + start(v, n, c);
            for (int64_t i = 0; i < v->places; i++) out[i] = (x[i] - middle) * slope + shift;
        }
    }
    (void)part;
}

static Norm norm_of(const Array *x, double eps) {
    int64_t places = size_of(x) / (x->shape[0] * x->shape[1]);
    return (Norm){.x = floats(x), .batch = x->shape[0], .channels = x->shape[1], .places = places, .eps = eps};
}

EXPORT void batch_norm(const Array *x, const Array *weight, const Array *bias, Array *out, Array *mean, Array *variance,
                       double eps) {
    Norm v = norm_of(x, eps);
    v.weight = optional(weight), v.bias = optional(bias);
    v.out = floats(out), v.mean = floats(mean), v.variance = floats(variance);
    split(v.channels, 0.4 * v.batch * v.places, normalize, &v);
}

// x's gradient = slope * (g - mean of g - standardised x * mean of (g * standardised x)).
static void return_gradient(const Norm *v, int64_t c, double mean, double rate, double shift, double along) {
    double count = (double)v->batch * v->places;
    float slope = (float)((v->weight ? v->weight[c] : 1.0) * rate), middle = (float)mean;
    float share = (float)(along * rate * rate / count), less = (float)(shift / count - (mean - middle) * share);
    for (int64_t n = 0; n < v->batch; n++) {
        const float *x = v->x + start(v, n, c), *g = v->g + start(v, n, c);
        float *out = v->out + start(v, n, c);
        for (int64_t i = 0; i < v->places; i++) out[i] = (g[i] - less - (x[i] - middle) * share) * slope;
    }
}

static void normalize_gradient(void *given, int64_t first, int64_t last, int part) {
    const Norm *v = given;
    for (int64_t c = first; c < last; c++) {
        double mean, variance, shift = 0, along = 0;
        statistics(v, c, &mean, &variance);
        double rate = 1.0 / sqrt(variance + v->eps);
        for (int64_t n = 0; n < v->batch; n++) {
            shift += sum_of(v->g + start(v, n, c), v->places);
            along += products_of(v->x + start(v, n, c), v->g + start(v, n, c), v->places, mean);
        }
        v->to_weight[c] = (float)(along * rate);
        v->to_bias[c] = (float)shift;
        if (v->out) return_gradient(v, c, mean, rate, shift, along);
    }
    (void)part;
}

// out may be empty: then nobody wants the gradient of x.
EXPORT void batch_norm_gradient(const Array *x, const Array *weight, const Array *g, Array *out, Array *to_weight,
                                Array *to_bias, double eps) {
    Norm v = norm_of(x, eps);
    v.weight = optional(weight), v.g = floats(g), v.out = size_of(out) ? floats(out) : NULL;
    v.to_weight = floats(to_weight), v.to_bias = floats(to_bias);
    split(v.channels, 0.6 * v.batch * v.places, normalize_gradient, &v);
}
