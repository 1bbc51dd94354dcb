/* A ReLU that is part of no other layer: nothing below zero is stored. The output may be the input. */
#ifndef RELU_H
#define RELU_H

#include "fixed_point.h"

typedef struct {
    int count;
    sum_t offset; /* of the input */
    store_t store;
} relu_t;

static void relu(const relu_t *layer, const value_t *input, value_t *output)
{
    const store_t store = layer->store;
    for (int i = 0; i < layer->count; i++)
        output[i] = stored(input[i] + layer->offset, store);
}

#endif
