// Functions of single numbers for generated loops, written so that the compiler computes many at once.
#pragma once
#include "kernels.h"
#include <stdbool.h>

// The larger or the smaller of two; nan if either is, as NumPy has it.
static inline float larger(float x, float y) { return x > y || x != x ? x : y; }
static inline float smaller(float x, float y) { return x < y || x != x ? x : y; }
static inline double larger_double(double x, double y) { return x > y || x != x ? x : y; }
static inline double smaller_double(double x, double y) { return x < y || x != x ? x : y; }

// 1 / (1 + exp(-x)): the exponential is of a number below 0, so nothing overflows.
static inline float logistic(float x) {
    float shrunk = exponential(-__builtin_fabsf(x));
    return (x < 0.0f ? shrunk : 1.0f) / (1.0f + shrunk);
}
static inline double logistic_double(double x) {
    double shrunk = exp(-fabs(x));
    return (x < 0.0 ? shrunk : 1.0) / (1.0 + shrunk);
}

// tanh to 2 units in the last place: near 0 an odd polynomial (Cephes), which keeps the digits of small numbers.
static inline float hyperbolic_tangent(float x) {
    float size = __builtin_fabsf(x), s = x * x;
    float p = -5.70498872745e-3f;
    p = p * s + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    float near = p * s * x + x;
    float far = __builtin_copysignf(1.0f - 2.0f / (exponential(2.0f * size) + 1.0f), x);
    return size < 0.625f ? near : far;
}

// erf to 4 units in the last place: a quotient of two polynomials between -4 and 4, where it reaches 1 in float32.
static inline float error_function(float x) {
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

// log to one unit in the last place (Cephes): -inf of 0, nan below.
static inline float logarithm(float x) {
    float scaled = x < 1.17549435e-38f ? x * 8388608.0f : x;  // numbers with leading zeros, times 2 ** 23
    union { float value; int32_t bits; } given = {scaled}, part;
    part.bits = (given.bits & 0x007fffff) | 0x3f000000;  // in [0.5, 1)
    float power = (float)((given.bits >> 23) - 126) - (x < 1.17549435e-38f ? 23.0f : 0.0f);
    int below = part.value < 0.707106781f;
    float m = (below ? part.value + part.value : part.value) - 1.0f, s = m * m;
    power = below ? power - 1.0f : power;
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    float made = p * m * s - 2.12194440e-4f * power - 0.5f * s + m + 0.693359375f * power;
    made = x == INFINITY ? x : made;
    made = x == 0.0f ? -INFINITY : made;
    return x < 0.0f || x != x ? NAN : made;
}

// x / y rounded down, found from the remainder as NumPy does, which a rounded quotient would miss by one.
static inline float floor_quotient(float x, float y) {
    float left = fmodf(x, y), quotient = (x - left) / y;
    if (y == 0.0f) return x / y;
    if (left != 0.0f && (y < 0.0f) != (left < 0.0f)) quotient -= 1.0f;
    if (quotient == 0.0f) return copysignf(0.0f, x / y);
    float whole = floorf(quotient);
    return quotient - whole > 0.5f ? whole + 1.0f : whole;
}
