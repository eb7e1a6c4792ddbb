/* What scalar expressions of gates call, in C11 and in CUDA, for float and double alike:
 *
 *   mg_exp mg_expm1 mg_log mg_log1p mg_tanh mg_sigmoid mg_softplus mg_sqrt mg_sin mg_cos mg_power
 *   mg_abs mg_floor mg_ceil mg_rint mg_maximum mg_minimum mg_floor_divide mg_remainder
 *
 * Each takes its type from its first operand; mg_abs, mg_floor, mg_ceil and the last four take
 * integers too. In C, exp to softplus are made here, without branches and tables (real.h), so that
 * a compiler makes vector code of a loop over them. sin, cos, pow and fmod are those of libm, one
 * element at a time. In CUDA all are the device's own.
 *
 * Largest errors found, in units in the last place (ulp) of the exact result. float: of all 2^32
 * arguments (70 million without FMA), double: of 10 million of all sizes (python -m tests.native).
 *
 *                exp    expm1   log    log1p   tanh   sigmoid   softplus
 *     float      0.92   1.61    0.84   0.85    1.42   1.97      1.67
 *     double     0.91   1.73    0.86   0.81    1.41   1.87      1.59
 *
 * NaN, infinities, zeros with their signs, denormal arguments and results are as they should be,
 * and so are the arguments where results overflow or vanish.
 *
 * Compile with -fno-math-errno -fno-trapping-math, without which gcc keeps branches, and
 *   -ffp-contract=off  (nvcc: --fmad=false) which rounds a * b before adding c, as NumPy does, so
 *                      that a result does not depend on what is fused with what. The polynomials
 *                      ask for fma by name.
 *   -fwrapv            with which signed integers wrap around, as NumPy's do.
 * A bool is an unsigned char, 0 or 1: of _Bool in memory gcc makes no vector code.
 */
#ifndef MG_ELEMENTARY_H
#define MG_ELEMENTARY_H

#ifdef __FAST_MATH__
#error "-ffast-math drops NaN and reorders sums that are exact in their order only"
#endif

#ifdef __CUDACC__
#define MG_FUNCTION static __device__ inline
#else
#include <math.h>
#include <stdint.h>
#include <string.h>
/* Always: at -O2 gcc leaves long ones as calls, and a loop with a call is no vector code. */
#define MG_FUNCTION static inline __attribute__((always_inline))
#endif

/* ------------------------------------------------------------- any type: operands are names */

/* NaN if either is; of equal ones the second, as 0 and -0 are. */
#define mg_maximum(x, y) (((x) > (y)) | ((x) != (x)) ? (x) : (y))
#define mg_minimum(x, y) (((x) < (y)) | ((x) != (x)) ? (x) : (y))

/* Rounded down; by 0 they give 0. The least integer by -1 is itself, where x86 would trap. */
#define MG_SIGNED_DIVISION(T, suffix)                                                              \
    MG_FUNCTION T mg_floor_divide##suffix(T x, T y) {                                              \
        if (y == 0) return 0;                                                                      \
        if (y == -1) return (T)(0 - x);                                                            \
        return (T)(x / y - (x % y != 0 && (x < 0) != (y < 0)));                                    \
    }                                                                                              \
    MG_FUNCTION T mg_remainder##suffix(T x, T y) {                                                 \
        if (y == 0 || y == -1) return 0;                                                           \
        return (T)(x % y + (x % y != 0 && (x < 0) != (y < 0) ? y : 0));                            \
    }
#define MG_UNSIGNED_DIVISION(T, suffix)                                                            \
    MG_FUNCTION T mg_floor_divide##suffix(T x, T y) { return (T)(y == 0 ? 0 : x / y); }            \
    MG_FUNCTION T mg_remainder##suffix(T x, T y) { return (T)(y == 0 ? 0 : x % y); }

/* As Python and NumPy have them: from fmod, which is exact. */
#define MG_REAL_DIVISION(T, f, fmod, floor, copysign)                                              \
    MG_FUNCTION T mg_remainder##f(T x, T y) {                                                      \
        T rest = fmod(x, y);                                                                       \
        if (y == 0) return rest;                                                                   \
        if (rest == 0) return copysign((T)0, y);                                                   \
        return (y < 0) != (rest < 0) ? rest + y : rest;                                            \
    }                                                                                              \
    MG_FUNCTION T mg_floor_divide##f(T x, T y) {                                                   \
        if (y == 0) return x / y;                                                                  \
        T rest = fmod(x, y), quotient = (x - rest) / y;                                            \
        if (rest != 0 && (y < 0) != (rest < 0)) quotient -= 1;                                     \
        if (quotient == 0) return copysign((T)0, x / y);                                           \
        T below = floor(quotient);                                                                 \
        return quotient - below > (T)0.5 ? below + 1 : below;                                      \
    }

#ifdef __CUDACC__
/* ---------------------------------------------------------------------- CUDA: overloads */

#define MG_SIGNED(T)                                                                               \
    MG_SIGNED_DIVISION(T, )                                                                        \
    MG_FUNCTION T mg_abs(T x) { return (T)(x < 0 ? 0 - x : x); }                                   \
    MG_FUNCTION T mg_floor(T x) { return x; }                                                      \
    MG_FUNCTION T mg_ceil(T x) { return x; }
MG_SIGNED(signed char)
MG_SIGNED(short)
MG_SIGNED(int)
MG_SIGNED(long)
MG_SIGNED(long long)

#define MG_UNSIGNED(T)                                                                             \
    MG_UNSIGNED_DIVISION(T, )                                                                      \
    MG_FUNCTION T mg_abs(T x) { return x; }                                                        \
    MG_FUNCTION T mg_floor(T x) { return x; }                                                      \
    MG_FUNCTION T mg_ceil(T x) { return x; }
MG_UNSIGNED(bool)
MG_UNSIGNED(unsigned char)
MG_UNSIGNED(unsigned short)
MG_UNSIGNED(unsigned int)
MG_UNSIGNED(unsigned long)
MG_UNSIGNED(unsigned long long)

#define MG_UNARY(name, f, d)                                                                       \
    MG_FUNCTION float mg_##name(float x) { return f(x); }                                          \
    MG_FUNCTION double mg_##name(double x) { return d(x); }
MG_UNARY(exp, expf, exp)
MG_UNARY(expm1, expm1f, expm1)
MG_UNARY(log, logf, log)
MG_UNARY(log1p, log1pf, log1p)
MG_UNARY(tanh, tanhf, tanh)
MG_UNARY(sqrt, sqrtf, sqrt)
MG_UNARY(sin, sinf, sin)
MG_UNARY(cos, cosf, cos)
MG_UNARY(abs, fabsf, fabs)
MG_UNARY(floor, floorf, floor)
MG_UNARY(ceil, ceilf, ceil)
MG_UNARY(rint, rintf, rint)

#define MG_REAL(T, fmod, floor, copysign)                                                          \
    MG_REAL_DIVISION(T, , fmod, floor, copysign)                                                   \
    MG_FUNCTION T mg_sigmoid(T x) {                                                                \
        T e = mg_exp(-mg_abs(x));                                                                  \
        return (x < 0 ? e : 1) / (1 + e);                                                          \
    }                                                                                              \
    MG_FUNCTION T mg_softplus(T x) { return (x > 0 ? x : 0) + mg_log1p(mg_exp(-mg_abs(x))); }
MG_REAL(float, fmodf, floorf, copysignf)
MG_REAL(double, fmod, floor, copysign)
MG_FUNCTION float mg_power(float x, float y) { return powf(x, y); }
MG_FUNCTION double mg_power(double x, double y) { return pow(x, y); }

#else
/* ------------------------------------------------------------------------- C: by _Generic */

#if defined FP_FAST_FMA || defined __FMA__ || defined __aarch64__
#define MG_FMAF(a, b, c) fmaf(a, b, c)
#define MG_FMA(a, b, c) fma(a, b, c)
#else
#define MG_FMAF(a, b, c) ((a) * (b) + (c))
#define MG_FMA(a, b, c) ((a) * (b) + (c))
#endif

MG_SIGNED_DIVISION(int64_t, _signed)
MG_UNSIGNED_DIVISION(uint64_t, _unsigned)
MG_REAL_DIVISION(float, f, fmodf, floorf, copysignf)
MG_REAL_DIVISION(double, , fmod, floor, copysign)

#define REAL float
#define NAME(name) name##f
#define FMA MG_FMAF
#define UINT uint32_t
#define DIGITS 23 /* of the significand, behind the point */
#define BIAS 127
#define LN2_HI 0x1.62e4p-1f /* short: times an exponent, it is exact */
#define LN2_LO 0x1.7f7d1cp-20f
#define ROOT_HALF 0x3f3504f3 /* the bits of √½ */
#define EXP_LOWEST -104      /* below it e^x is 0, above the next inf */
#define EXP_HIGHEST 89
#define TANH_HIGHEST 10 /* from it on tanh is 1 */
#define EXP_POLYNOMIAL(C)                                                                          \
    C(0x1.6da0e6p-10f) C(0x1.122998p-7f) C(0x1.55547cp-5f) C(0x1.5554aep-3f) C(0x1p-1f)
#define LOG_POLYNOMIAL(C) C(0x1.31e670p-2f) C(0x1.995e9cp-2f) C(0x1.55557ap-1f)
#define TANH_POLYNOMIAL(C)                                                                         \
    C(-0x1.96cefep-8f) C(0x1.58827cp-6f) C(-0x1.b91370p-5f) C(0x1.110cb2p-3f) C(-0x1.55554ap-2f)
#include "real.h"

#define REAL double
#define NAME(name) name
#define FMA MG_FMA
#define UINT uint64_t
#define DIGITS 52
#define BIAS 1023
#define LN2_HI 0x1.62e42fefa4p-1
#define LN2_LO -0x1.8432a1b0e2634p-43
#define ROOT_HALF 0x3fe6a09e667f3bcd
#define EXP_LOWEST -746
#define EXP_HIGHEST 710
#define TANH_HIGHEST 20
#define EXP_POLYNOMIAL(C)                                                                          \
    C(0x1.af77f9c9ba7fbp-26) C(0x1.28a3c5768e96fp-22) C(0x1.71dde93a1da29p-19)                     \
    C(0x1.a019a576d3396p-16) C(0x1.a01a01b630936p-13) C(0x1.6c16c17f8cc19p-10)                     \
    C(0x1.111111110e5d3p-7) C(0x1.5555555551fbdp-5) C(0x1.555555555555dp-3)                        \
    C(0x1.0000000000005p-1)
#define LOG_POLYNOMIAL(C)                                                                          \
    C(0x1.2f0dafc5c8e75p-3) C(0x1.39a0f29f225f6p-3) C(0x1.74664638d5f70p-3)                        \
    C(0x1.c71c51e800868p-3) C(0x1.2492494217327p-2) C(0x1.999999997fb40p-2)                        \
    C(0x1.5555555555593p-1)
#define TANH_POLYNOMIAL(C)                                                                         \
    C(-0x1.3f97eacf756b5p-16) C(0x1.5a7560867ce0bp-14) C(-0x1.e8672cf324d90p-13)                   \
    C(0x1.346a00104b579p-11) C(-0x1.7d8cbf5fe0882p-10) C(0x1.d6d25f462f0d6p-9)                     \
    C(-0x1.226e2d9c78c53p-7) C(0x1.664f484e2b0a4p-6) C(-0x1.ba1ba1b94c1bbp-5)                      \
    C(0x1.111111111044ap-3) C(-0x1.555555555554dp-2)
#include "real.h"

#define MG_REAL(x, f, d) _Generic((x), float: f, double: d)
#define mg_exp(x) MG_REAL(x, mg_expf, mg_exp)(x)
#define mg_expm1(x) MG_REAL(x, mg_expm1f, mg_expm1)(x)
#define mg_log(x) MG_REAL(x, mg_logf, mg_log)(x)
#define mg_log1p(x) MG_REAL(x, mg_log1pf, mg_log1p)(x)
#define mg_tanh(x) MG_REAL(x, mg_tanhf, mg_tanh)(x)
#define mg_sigmoid(x) MG_REAL(x, mg_sigmoidf, mg_sigmoid)(x)
#define mg_softplus(x) MG_REAL(x, mg_softplusf, mg_softplus)(x)
#define mg_sqrt(x) MG_REAL(x, sqrtf, sqrt)(x)
#define mg_sin(x) MG_REAL(x, sinf, sin)(x)
#define mg_cos(x) MG_REAL(x, cosf, cos)(x)
#define mg_rint(x) MG_REAL(x, rintf, rint)(x)
#define mg_power(x, y) MG_REAL(x, powf, pow)(x, y)

#define mg_floor(x) _Generic((x), float: floorf(x), double: floor(x), default: (x))
#define mg_ceil(x) _Generic((x), float: ceilf(x), double: ceil(x), default: (x))
#define mg_abs(x) _Generic((x), float: fabsf(x), double: fabs(x), default: (x) < 0 ? 0 - (x) : (x))

#define MG_NUMBER(x, name)                                                                         \
    _Generic((x), float: name##f, double: name,                                                    \
        unsigned char: name##_unsigned, unsigned short: name##_unsigned,                           \
        unsigned int: name##_unsigned, unsigned long: name##_unsigned,                             \
        unsigned long long: name##_unsigned, default: name##_signed)
#define mg_floor_divide(x, y) MG_NUMBER(x, mg_floor_divide)(x, y)
#define mg_remainder(x, y) MG_NUMBER(x, mg_remainder)(x, y)

#endif
#endif
