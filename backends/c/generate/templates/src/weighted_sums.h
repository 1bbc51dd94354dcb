/* Sums of weights times values, which take nearly all of the time. Weights are stored in rows, one for each result. */
#ifndef WEIGHTED_SUMS_H
#define WEIGHTED_SUMS_H

#include "types.h"

#if defined(__ARM_NEON) && FACTOR_BITS == 16 && WEIGHT_BITS == 8 && SUM_BITS == 32
#include <arm_neon.h>
#define EIGHT_AT_A_TIME
#endif

typedef struct {
    int values, results;
    const weight_t *weights;
    const sum_t *biases;
} matrix_t;

static inline sum_t weighted_sum(const factor_t *values, const weight_t *weights, int count, sum_t sum)
{
    for (int i = 0; i < count; i++)
        sum += (sum_t)values[i] * weights[i];
    return sum;
}

#ifdef EIGHT_AT_A_TIME

static inline sum_t total(int32x4_t parts)
{
    const int32x2_t halves = vadd_s32(vget_low_s32(parts), vget_high_s32(parts));
    return vget_lane_s32(vpadd_s32(halves, halves), 0);
}

static inline int32x4_t multiplied(int32x4_t parts, int16x8_t values, const weight_t *weights)
{
    const int16x8_t wide = vmovl_s8(vld1_s8(weights));
    parts = vmlal_s16(parts, vget_low_s16(values), vget_low_s16(wide));
    return vmlal_s16(parts, vget_high_s16(values), vget_high_s16(wide));
}

/* Four results at a time, so that values are loaded once for four rows of weights. */
static inline void four_sums(const factor_t *values, const weight_t *weights, int count, const sum_t *biases, sum_t *sums)
{
    const weight_t *second = weights + count, *third = second + count, *fourth = third + count;
    int32x4_t a = vdupq_n_s32(0), b = a, c = a, d = a;
    const int in_eights = count / 8 * 8;
    int i = 0;
    for (; i < in_eights; i += 8) {
        const int16x8_t eight = vld1q_s16(values + i);
        a = multiplied(a, eight, weights + i);
        b = multiplied(b, eight, second + i);
        c = multiplied(c, eight, third + i);
        d = multiplied(d, eight, fourth + i);
    }
    sums[0] = weighted_sum(values + i, weights + i, count - i, biases[0] + total(a));
    sums[1] = weighted_sum(values + i, second + i, count - i, biases[1] + total(b));
    sums[2] = weighted_sum(values + i, third + i, count - i, biases[2] + total(c));
    sums[3] = weighted_sum(values + i, fourth + i, count - i, biases[3] + total(d));
}

#else

/* Four results at a time, so that values are loaded once for four rows of weights. */
static inline void four_sums(const factor_t *values, const weight_t *weights, int count, const sum_t *biases, sum_t *sums)
{
    const weight_t *second = weights + count, *third = second + count, *fourth = third + count;
    sum_t a = biases[0], b = biases[1], c = biases[2], d = biases[3];
    for (int i = 0; i < count; i++) {
        const sum_t value = values[i];
        a += value * weights[i];
        b += value * second[i];
        c += value * third[i];
        d += value * fourth[i];
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

#endif

/* sums[r] = biases[r] + weights[r] . values, for every result r. */
static inline void weighted_sums(const matrix_t *matrix, const factor_t *values, sum_t *sums)
{
    const int in_fours = matrix->results / 4 * 4;
    const weight_t *row = matrix->weights;
    int result = 0;
    for (; result < in_fours; result += 4, row += 4 * matrix->values)
        four_sums(values, row, matrix->values, matrix->biases + result, sums + result);
    for (; result < matrix->results; result++, row += matrix->values)
        sums[result] = weighted_sum(values, row, matrix->values, matrix->biases[result]);
}

#endif
