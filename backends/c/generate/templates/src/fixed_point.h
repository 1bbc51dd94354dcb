/* How a sum becomes an element of the next tensor: bits fall off behind the point, halves round up, the rest saturates. */
#ifndef FIXED_POINT_H
#define FIXED_POINT_H

#include "types.h"

/* C99 leaves it to the compiler what >> does to negative integers; all compilers for ARM and x86 keep the sign. */
typedef char right_shift_keeps_the_sign[(-3 >> 1) == -2 ? 1 : -1];

typedef struct {
    int drop; /* bits that fall; below 0, zeros that come */
    sum_t low, high;
} store_t;

static inline value_t stored(sum_t sum, const store_t *to)
{
    if (to->drop > 0)
        sum = (sum + ((sum_t)1 << (to->drop - 1))) >> to->drop;
    else
        sum *= (sum_t)1 << -to->drop;
    return (value_t)(sum < to->low ? to->low : sum > to->high ? to->high : sum);
}

#endif
