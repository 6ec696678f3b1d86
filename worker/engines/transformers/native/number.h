/* A model's number format: bfloat16 or float. Sums are floats in both. */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef BFLOAT16
typedef uint16_t number;

static inline float widen(number half)
{
    uint32_t bits = (uint32_t)half << 16;
    float wide;
    memcpy(&wide, &bits, sizeof wide);
    return wide;
}

static inline number narrow(float wide)
{
    uint32_t bits;
    memcpy(&bits, &wide, sizeof bits);
    if (isnan(wide))
        return (number)(bits >> 16 | 0x40);
    return (number)((bits + 0x7fff + (bits >> 16 & 1)) >> 16); /* to the nearest, ties to even */
}
#else
typedef float number;

static inline float widen(number wide) { return wide; }
static inline number narrow(float wide) { return wide; }
#endif

/* As if stored and read again: models round between their operations. */
static inline float rounded(float wide) { return widen(narrow(wide)); }

static inline int64_t positive(int64_t count) { return count > 0 ? count : 0; }

/* e to the power of a number up to zero, within two units in the last place: the polynomial of Cephes' expf (Moshier).
 * Compilers vectorize it, which they may not do with a call of expf.
 */
static inline float power(float exponent)
{
    exponent = exponent < -87.0f ? -87.0f : exponent;
    float whole = floorf(exponent * 1.44269504f + 0.5f);
    float rest = exponent - whole * 0.693359375f + whole * 2.12194440e-4f;
    float series = 1.9875691500e-4f;
    series = series * rest + 1.3981999507e-3f;
    series = series * rest + 8.3334519073e-3f;
    series = series * rest + 4.1665795894e-2f;
    series = series * rest + 1.6666665459e-1f;
    series = series * rest + 5.0000001201e-1f;
    series = series * rest * rest + rest + 1.0f;
    uint32_t bits = (uint32_t)((int32_t)whole + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return series * scale;
}

/* Replace scores by e to the power of their distance from the highest; return the sum. */
static float exponentials(float *scores, int64_t columns)
{
    float highest = -INFINITY, sum = 0;
#pragma omp simd reduction(max : highest)
    for (int64_t column = 0; column < columns; column++)
        highest = scores[column] > highest ? scores[column] : highest;
    for (int64_t column = 0; column < columns; column++)
        scores[column] = power(scores[column] - highest);
    for (int64_t column = 0; column < columns; column++)
        sum += scores[column];
    return sum;
}

static inline void softmax(float *scores, int64_t columns)
{
    float part = 1 / exponentials(scores, columns);
    for (int64_t column = 0; column < columns; column++)
        scores[column] *= part;
}
