/* What differs between compilers. The only file of the library with builtins
 * and intrinsics.
 *
 * The atomics are our own: <stdatomic.h> is missing from MSVC, and those of
 * libapr are not instrumented, so ThreadSanitizer reports races where there
 * are none. Flags and counts are sequentially consistent, and may be used in a
 * signal handler; a 64-bit number is whole, and orders nothing else. */
#ifndef PAL_COMPILER_H
#define PAL_COMPILER_H

#include <apr.h>

#if defined(_MSC_VER)

#    include <intrin.h>

#    define PAL__NO_SANITIZER
#    define PAL__TRAP() __debugbreak()

typedef struct pal__flag_t {
    volatile long value;
} pal__flag_t;

typedef struct pal__count_t {
    volatile long value;
} pal__count_t;

typedef struct pal__atomic64_t {
    volatile __int64 value;
} pal__atomic64_t;

static __inline int pal__flag_get(pal__flag_t *flag)
{
    return _InterlockedCompareExchange(&flag->value, 0, 0) != 0;
}

/* Returns what it was. */
static __inline int pal__flag_set(pal__flag_t *flag, int on)
{
    return _InterlockedExchange(&flag->value, on != 0) != 0;
}

/* Returns what it is then. */
static __inline long pal__count_add(pal__count_t *count, long n)
{
    return _InterlockedExchangeAdd(&count->value, n) + n;
}

static __inline apr_uint64_t pal__atomic64_get(pal__atomic64_t *atomic)
{
    return (apr_uint64_t)_InterlockedCompareExchange64(&atomic->value, 0, 0);
}

static __inline void pal__atomic64_set(pal__atomic64_t *atomic,
                                       apr_uint64_t value)
{
    (void)_InterlockedExchange64(&atomic->value, (__int64)value);
}

#else

/* In front of a function that runs in a child, in its parent's memory, on a
 * stack of its own, and never returns: ThreadSanitizer would count it as a
 * call that the parent's thread is still in, and AddressSanitizer would go on
 * guarding the stack. */
#    define PAL__NO_SANITIZER                                                 \
        __attribute__((no_sanitize("thread"), no_sanitize("address")))

/* End this process by a fault that nothing can refuse. */
#    define PAL__TRAP() __builtin_trap()

typedef struct pal__flag_t {
    int value;
} pal__flag_t;

typedef struct pal__count_t {
    long value;
} pal__count_t;

typedef struct pal__atomic64_t {
    apr_uint64_t value;
} pal__atomic64_t;

static inline int pal__flag_get(pal__flag_t *flag)
{
    return __atomic_load_n(&flag->value, __ATOMIC_SEQ_CST);
}

/* Returns what it was. */
static inline int pal__flag_set(pal__flag_t *flag, int on)
{
    return __atomic_exchange_n(&flag->value, on != 0, __ATOMIC_SEQ_CST);
}

/* Returns what it is then. */
static inline long pal__count_add(pal__count_t *count, long n)
{
    return __atomic_add_fetch(&count->value, n, __ATOMIC_SEQ_CST);
}

static inline apr_uint64_t pal__atomic64_get(pal__atomic64_t *atomic)
{
    return __atomic_load_n(&atomic->value, __ATOMIC_RELAXED);
}

static inline void pal__atomic64_set(pal__atomic64_t *atomic,
                                     apr_uint64_t value)
{
    __atomic_store_n(&atomic->value, value, __ATOMIC_RELAXED);
}

#endif
#endif
