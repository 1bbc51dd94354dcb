/* From elements of a tensor to their codes, and from a sum to an element of the next tensor.
 *
 * A code is the integer that the network computes with. An element is its code less the offset of its tensor, so that
 * one type holds the codes of signed tensors (offset 0) and of unsigned ones (half their range).
 */
#ifndef FIXED_POINT_H
#define FIXED_POINT_H

#include "types.h"

/* In C99, >> of negative integers is implementation-defined; all compilers for ARM and x86 keep the sign. */
typedef char right_shift_keeps_the_sign[(-3 >> 1) == -2 ? 1 : -1];

typedef struct {
    int drop;        /* fraction bits to drop; below 0, zeros to append */
    sum_t low, high; /* the codes at which it saturates */
    sum_t offset;    /* of the tensor that is written */
} store_t;

static inline void read_codes(const value_t *values, int count, factor_t offset, factor_t *restrict codes)
{
    for (int i = 0; i < count; i++)
        codes[i] = (factor_t)(values[i] + offset);
}

/* Halves round up. */
static inline value_t stored(sum_t sum, store_t to)
{
    if (to.drop > 0)
        sum = (sum + ((sum_t)1 << (to.drop - 1))) >> to.drop;
    else
        sum *= (sum_t)1 << -to.drop;
    return (value_t)((sum < to.low ? to.low : sum > to.high ? to.high : sum) - to.offset);
}

#endif
