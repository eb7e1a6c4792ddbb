/* Elementary functions of one REAL type: elementary.h includes this file once for each.
 *
 * The methods are the field's: reduction of exp by multiples of log 2 that are split into a short
 * and a small part (Cody and Waite, Software Manual for the Elementary Functions, 1980), log by
 * the odd series in f / (2 + f), log1p with the rounding error of 1 + x put back. The polynomials
 * are minimax, by Remez' exchange at 50 digits, in relative error. A condition only ever chooses
 * between two values that are both computed.
 */

#define MG(name) NAME(mg_##name)
#define ONE ((UINT)BIAS << DIGITS)                /* the bits of 1 */
#define WHOLE ((REAL)((UINT)3 << (DIGITS - 1)))   /* x + WHOLE rounds x to a whole number */
#define COUNT ((UINT)(BIAS + DIGITS) << DIGITS)   /* the bits of 2^DIGITS: lowest bits count by 1 */
#define HORNER(c) p = FMA(p, z, (REAL)c);          /* one step, in the names that are used below */

MG_FUNCTION UINT MG(bits)(REAL x) {
    UINT bits;
    memcpy(&bits, &x, sizeof x);
    return bits;
}

MG_FUNCTION REAL MG(of_bits)(UINT bits) {
    REAL x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* e^r - 1, where x = n log 2 + r with |r| ≤ ½ log 2. Gives n too, also as an integer. */
MG_FUNCTION REAL MG(reduced_expm1)(REAL x, REAL *n, UINT *whole) {
    REAL shifted = FMA(x, (REAL)0x1.71547652b82fep+0, WHOLE);
    *n = shifted - WHOLE;
    *whole = MG(bits)(shifted) - MG(bits)(WHOLE);
    REAL exact = FMA(*n, -LN2_HI, x), z = FMA(*n, -LN2_LO, exact), p = 0;
    REAL lost = FMA(*n, -LN2_LO, exact - z);
    EXP_POLYNOMIAL(HORNER)
    return z + FMA(z * z, p, lost);
}

MG_FUNCTION REAL MG(exp)(REAL x) {
    REAL n;
    UINT whole;
    x = x > EXP_HIGHEST ? EXP_HIGHEST : x < EXP_LOWEST ? EXP_LOWEST : x;
    REAL p = 1 + MG(reduced_expm1)(x, &n, &whole);
    UINT half = (whole + 2 * BIAS) >> 1; /* 2^n may be out of range, so two factors */
    return p * MG(of_bits)(half << DIGITS) * MG(of_bits)((whole + 2 * BIAS - half) << DIGITS);
}

MG_FUNCTION REAL MG(expm1)(REAL x) {
    REAL n;
    UINT whole;
    REAL p = MG(reduced_expm1)(x > EXP_HIGHEST ? EXP_HIGHEST : x < -40 ? -40 : x, &n, &whole);
    REAL half = MG(of_bits)((whole + BIAS - 1) << DIGITS); /* ½ 2^n, as 2^n may overflow */
    REAL y = 2 * FMA(half, p, half - (REAL)0.5);
    return NAME(copysign)(n == 0 ? p : y, x);
}

/* k log 2 + log(1 + f) + c, for 1 + f between √½ and √2, and c far smaller. */
MG_FUNCTION REAL MG(log_of)(REAL k, REAL f, REAL c) {
    REAL s = f / (2 + f), z = s * s, p = 0, square = (REAL)0.5 * f * f;
    LOG_POLYNOMIAL(HORNER)
    REAL rest = FMA(s, FMA(z, p, square), FMA(k, LN2_LO, c));
    return FMA(k, LN2_HI, f - (square - rest));
}

/* x = 2^k m with m between √½ and √2, for positive x that is not denormal. */
MG_FUNCTION REAL MG(split)(REAL x, REAL *k) {
    UINT bits = MG(bits)(x) + (ONE - ROOT_HALF);
    *k = MG(of_bits)(bits >> DIGITS | COUNT) - (MG(of_bits)(COUNT) + BIAS);
    return MG(of_bits)((bits & (((UINT)1 << DIGITS) - 1)) + ROOT_HALF);
}

MG_FUNCTION REAL MG(log)(REAL x) {
    REAL k, scale = (REAL)((UINT)1 << DIGITS);
    int small = x < MG(of_bits)((UINT)1 << DIGITS);
    REAL m = MG(split)(small ? x * scale : x, &k);
    REAL y = MG(log_of)(small ? k - DIGITS : k, m - 1, 0);
    y = x < INFINITY ? y : x;
    return x > 0 ? y : x == 0 ? -INFINITY : NAN;
}

/* log(1 + x) for finite x > -1. */
MG_FUNCTION REAL MG(finite_log1p)(REAL x) {
    REAL k, u = 1 + x, m = MG(split)(u, &k);
    REAL lost = x < 1 ? x - (u - 1) : 1 - (u - x);
    return MG(log_of)(k, k == 0 ? x : m - 1, k == 0 ? 0 : lost / u);
}

MG_FUNCTION REAL MG(log1p)(REAL x) {
    REAL y = NAME(copysign)(MG(finite_log1p)(x), x);
    y = x < INFINITY ? y : x;
    return x > -1 ? y : x == -1 ? -INFINITY : NAN;
}

MG_FUNCTION REAL MG(tanh)(REAL x) {
    REAL a = NAME(fabs)(x), z = a * a, p = 0, n;
    UINT whole;
    TANH_POLYNOMIAL(HORNER)
    REAL e = MG(reduced_expm1)(2 * (a > TANH_HIGHEST ? TANH_HIGHEST : a), &n, &whole);
    REAL power = MG(of_bits)((whole + BIAS) << DIGITS);
    REAL large = 1 - 2 / (FMA(power, e, power) + 1);
    return NAME(copysign)(a < (REAL)0.5625 ? FMA(a * z, p, a) : large, x);
}

MG_FUNCTION REAL MG(sigmoid)(REAL x) {
    REAL e = MG(exp)(-NAME(fabs)(x)); /* at most 1: e^-x overflows where the result is denormal */
    REAL sum = 1 + e, lost = 1 - sum + e, y = (x < 0 ? e : 1) / sum;
    return FMA(-lost, y, y); /* y / (1 + lost / sum), nearly: half an ulp better */
}

MG_FUNCTION REAL MG(softplus)(REAL x) {
    return (x > 0 ? x : 0) + MG(finite_log1p)(MG(exp)(-NAME(fabs)(x)));
}

#undef MG
#undef ONE
#undef WHOLE
#undef COUNT
#undef HORNER
#undef REAL
#undef NAME
#undef FMA
#undef UINT
#undef DIGITS
#undef BIAS
#undef LN2_HI
#undef LN2_LO
#undef ROOT_HALF
#undef EXP_LOWEST
#undef EXP_HIGHEST
#undef TANH_HIGHEST
#undef EXP_POLYNOMIAL
#undef LOG_POLYNOMIAL
#undef TANH_POLYNOMIAL
