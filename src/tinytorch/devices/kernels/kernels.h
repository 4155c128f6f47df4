// What all kernels share: NumPy's arrays as C sees them, vectors of floats, and work split over threads.
#pragma once
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

// The beginning of NumPy's array object, the same since its first version; `native/library.py` tries it once.
typedef struct {
    void *python[2];  // count of references, type
    char *data;
    int axes;
    intptr_t *shape, *strides;  // strides in bytes
} Array;

static inline float *floats(const Array *x) { return (float *)x->data; }

static inline int64_t size_of(const Array *x) {
    int64_t size = 1;
    for (int i = 0; i < x->axes; i++) size *= x->shape[i];
    return size;
}

static inline int64_t last_axis(const Array *x) { return x->axes ? x->shape[x->axes - 1] : 1; }

// A vector of as many floats as one register holds; `unaligned` may lie anywhere in memory.
#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
typedef float vector __attribute__((vector_size(4 * LANES)));
typedef float unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

static inline vector loaded(const float *at) { return *(const unaligned *)at; }
static inline void store(float *at, vector x) { *(unaligned *)at = x; }

// The largest of some numbers that is not nan; what is made of the nan among them will be nan by itself.
static inline float highest(const float *x, int64_t size) {
    float top = -INFINITY;
#pragma omp simd reduction(max : top)
    for (int64_t i = 0; i < size; i++) top = x[i] > top ? x[i] : top;
    return top;
}

static inline void *scratch(int64_t bytes) {
    void *made = malloc(bytes + 64);
    if (!made) abort();  // a thread has nobody to tell
    return made;
}

// Where the next cache line begins: vectors that lie across two of them cost a fifth of the speed.
static inline float *at_line(float *memory) { return (float *)(((uintptr_t)memory + 63) / 64 * 64); }

// Threads, in threads.c. A job does the items first to last - 1; `part` counts the pieces from 0.
typedef void (*Job)(void *given, int64_t first, int64_t last, int part);
int threads(void);
void split(int64_t items, double cost, Job job, void *given);  // cost of an item in nanoseconds, roughly

// exp to one unit in the last place (Cephes): inf above 88.7, 0 below -87.3, nan of nan.
static inline float exponential(float x) {
    float kept = x > 88.8f ? 88.8f : x;
    kept = kept < -87.3f ? -87.3f : kept;
    float whole = __builtin_floorf(kept * 1.44269504f + 0.5f);
    float rest = kept - whole * 0.693359375f;
    rest = rest + whole * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * rest + 1.3981999507e-3f;
    p = p * rest + 8.3334519073e-3f;
    p = p * rest + 4.1665795894e-2f;
    p = p * rest + 1.6666665459e-1f;
    p = p * rest + 5.0000001201e-1f;
    p = p * rest * rest + rest + 1.0f;
    int32_t half = (int32_t)whole >> 1;  // 2 ** whole in two factors, since 2 ** 128 is no float
    union { int32_t bits; float value; } low = {(half + 127) << 23}, high = {((int32_t)whole - half + 127) << 23};
    float made = p * low.value * high.value;
    return x < -87.3f ? 0.0f : made;
}
