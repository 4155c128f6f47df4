// One pool of threads: for our own kernels, and for the matrix products of NumPy's OpenBLAS, which calls `blas_jobs`.
#include "kernels.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define MOST 64
#define SPINS 60000  // looks for work before a thread goes to sleep, about a millisecond: waking it takes 50 microseconds

typedef struct {
    Job job;
    void *given;
    int64_t items;
    int parts;
} Work;

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;    // one work at a time
static pthread_mutex_t sleeping = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t waking = PTHREAD_COND_INITIALIZER;
static Work work;
static atomic_long number;    // of the work, counted from 1
static atomic_int left;       // workers that have not finished it
static int wanted = 1, running;  // threads to use, the caller among them; workers that were started
static _Thread_local int inside;  // this thread is already doing a part

static inline void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void part_of(const Work *w, int part) {
    int64_t first = w->items * part / w->parts, last = w->items * (part + 1) / w->parts;
    if (last > first) w->job(w->given, first, last, part);
}

static void *worker(void *given) {
    long seen = (long)((intptr_t *)given)[0];
    int me = (int)((intptr_t *)given)[1];
    free(given);
    inside = 1;
    for (;;) {
        for (int i = 0; i < SPINS && atomic_load(&number) == seen; i++) pause_briefly();
        if (atomic_load(&number) == seen) {
            pthread_mutex_lock(&sleeping);
            while (atomic_load(&number) == seen) pthread_cond_wait(&waking, &sleeping);
            pthread_mutex_unlock(&sleeping);
        }
        seen++;
        if (me < work.parts) part_of(&work, me);
        atomic_fetch_sub(&left, 1);
    }
    return NULL;
}

static void forget_workers(void) {  // a forked process has none
    running = 0;
    inside = 0;
    pthread_mutex_init(&turn, NULL);
    pthread_mutex_init(&sleeping, NULL);
    pthread_cond_init(&waking, NULL);
}

static void start_workers(int count) {
    static int watched;
    if (!watched) watched = !pthread_atfork(NULL, NULL, forget_workers);
    while (running < count) {
        intptr_t *given = malloc(2 * sizeof *given);
        if (!given) return;
        given[0] = atomic_load(&number);
        given[1] = running + 1;
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, given)) {
            free(given);
            return;
        }
        pthread_detach(thread);
        running++;
    }
}

static void run(Work given, int parts) {  // the caller does part 0
    pthread_mutex_lock(&turn);
    start_workers(parts - 1);
    given.parts = parts;
    work = given;
    atomic_store(&left, running);
    pthread_mutex_lock(&sleeping);
    atomic_fetch_add(&number, 1);
    pthread_cond_broadcast(&waking);
    pthread_mutex_unlock(&sleeping);
    inside = 1;
    part_of(&given, 0);
    for (int part = running + 1; part < parts; part++) part_of(&given, part);  // threads that could not be had
    inside = 0;
    for (int i = 0; atomic_load(&left); i++) {
        pause_briefly();
        if (i > 100000) sched_yield();
    }
    pthread_mutex_unlock(&turn);
}

EXPORT int threads(void) { return wanted; }
EXPORT void set_threads(int count) { wanted = count < 1 ? 1 : count > MOST ? MOST : count; }

EXPORT void split(int64_t items, double cost, Job job, void *given) {
    double worth = items * cost / 10000.0;  // a part of less than 10 microseconds costs more than it saves
    int parts = worth >= wanted ? wanted : worth < 1 ? 1 : (int)worth;
    if (parts > items) parts = (int)items;
    if (parts <= 1 || inside) {
        if (items > 0) job(given, 0, items, 0);
        return;
    }
    run((Work){job, given, items, parts}, parts);
}

// OpenBLAS: `count` jobs that wait for each other, so all must run at once, each on a thread of its own.
typedef void (*BlasJob)(int thread, void *data, int detail);
typedef struct {
    BlasJob job;
    char *data;
    size_t size;
    int detail;
} BlasWork;

static void blas_job(void *given, int64_t first, int64_t last, int part) {
    BlasWork *w = given;
    for (int64_t i = first; i < last; i++) w->job((int)i, w->data + i * w->size, w->detail);
    (void)part;
}

EXPORT void blas_jobs(int wait, BlasJob job, int count, size_t size, void *data, int detail) {
    BlasWork w = {job, data, size, detail};
    run((Work){blas_job, &w, count, count}, count);
    (void)wait;
}

// How an array looks from here, for a trial when the library is loaded.
EXPORT void look_at(const Array *x, int64_t *seen) {
    seen[0] = (intptr_t)x->data;
    seen[1] = x->axes;
    for (int i = 0; i < x->axes; i++) {
        seen[2 + i] = x->shape[i];
        seen[2 + x->axes + i] = x->strides[i];
    }
}
