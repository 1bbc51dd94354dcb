/* A dense layer. */
#ifndef DENSE_H
#define DENSE_H

#include "fixed_point.h"
#include "memory.h"
#include "weighted_sums.h"

typedef struct {
    factor_t offset; /* of the vector */
    matrix_t matrix;
    store_t store;
} dense_t;

static inline void dense(const dense_t *layer, const value_t *values, value_t *restrict output)
{
    read_codes(values, layer->matrix.values, layer->offset, factors);
    weighted_sums(&layer->matrix, factors, sums);
    for (int i = 0; i < layer->matrix.results; i++)
        output[i] = stored(sums[i], layer->store);
}

/* The last layer of most networks: its sums are the results. */
static inline void dense_sums(const dense_t *layer, const value_t *values, int32_t *results)
{
    read_codes(values, layer->matrix.values, layer->offset, factors);
    weighted_sums(&layer->matrix, factors, sums);
    for (int i = 0; i < layer->matrix.results; i++)
        results[i] = (int32_t)sums[i];
}

#endif
