/* A convolution whose window is one pixel, which is read where it stands. */
#ifndef POINTWISE_H
#define POINTWISE_H

#include "fixed_point.h"
#include "memory.h"
#include "weighted_sums.h"
#include "window.h"

typedef struct {
    window_t window;
    matrix_t matrix;
    store_t store;
} pointwise_t;

static void pointwise(const pointwise_t *layer, const value_t *image, value_t *output)
{
    const window_t *window = &layer->window;
    for (int row = 0; row < window->rows; row++)
        for (int column = 0; column < window->columns; column++, output += layer->matrix.results) {
            const int place = row * window->down * window->width + column * window->across;
            weighted_sums(&layer->matrix, image + place * window->channels, sums);
            for (int i = 0; i < layer->matrix.results; i++)
                output[i] = stored(sums[i], &layer->store);
        }
}

#endif
