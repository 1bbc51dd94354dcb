/* The sum of two tensors, each shifted to the binary point of the finer one. The output may be one of them. */
#ifndef ADD_H
#define ADD_H

#include "fixed_point.h"

typedef struct {
    int count, left_shift, right_shift;
    sum_t offset; /* of both tensors together, at the finer point */
    store_t store;
} add_t;

static void add(const add_t *layer, const value_t *left, const value_t *right, value_t *output)
{
    const sum_t left_unit = (sum_t)1 << layer->left_shift, right_unit = (sum_t)1 << layer->right_shift;
    const store_t store = layer->store;
    for (int i = 0; i < layer->count; i++)
        output[i] = stored(left[i] * left_unit + right[i] * right_unit + layer->offset, store);
}

#endif
