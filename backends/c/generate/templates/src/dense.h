/* A dense layer. */
#ifndef DENSE_H
#define DENSE_H

#include "fixed_point.h"
#include "memory.h"
#include "weighted_sums.h"

typedef struct {
    matrix_t matrix;
    store_t store;
} dense_t;

static inline void dense(const dense_t *layer, const value_t *values, value_t *output)
{
    weighted_sums(&layer->matrix, values, sums);
    for (int i = 0; i < layer->matrix.results; i++)
        output[i] = stored(sums[i], &layer->store);
}

/* The last layer of most networks: its sums are the results. */
static inline void dense_sums(const dense_t *layer, const value_t *values, int32_t *results)
{
    weighted_sums(&layer->matrix, values, sums);
    for (int i = 0; i < layer->matrix.results; i++)
        results[i] = (int32_t)sums[i];
}

#endif
