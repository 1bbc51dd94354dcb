/* The average of each channel over an image, with `more` more fraction bits before it is stored. */
#ifndef GLOBAL_AVERAGE_POOL_H
#define GLOBAL_AVERAGE_POOL_H

#include "fixed_point.h"
#include "memory.h"

typedef struct {
    int pixels, channels, more;
    sum_t offset; /* of all pixels of a channel together */
    store_t store;
} average_t;

static void global_average_pool(const average_t *layer, const value_t *image, value_t *restrict output)
{
    for (int c = 0; c < layer->channels; c++)
        sums[c] = layer->offset;
    for (int pixel = 0; pixel < layer->pixels; pixel++, image += layer->channels)
        for (int c = 0; c < layer->channels; c++)
            sums[c] += image[c];
    for (int c = 0; c < layer->channels; c++) /* C99 divides towards zero */
        output[c] = stored(sums[c] * ((sum_t)1 << layer->more) / layer->pixels, layer->store);
}

#endif
