/* A convolution: every window of the image becomes one row of values, which all results are computed from. */
#ifndef CONV2D_H
#define CONV2D_H

#include "fixed_point.h"
#include "memory.h"
#include "weighted_sums.h"
#include "window.h"

typedef struct {
    window_t window;
    factor_t offset; /* of the image */
    matrix_t matrix; /* weights of a result are in the order of the values of a window: row, column, channel */
    store_t store;
} conv2d_t;

/* Reads the window whose first pixel is at `row`, `column` into `codes`, with zeros beyond the image. */
static inline void read_window(
    const window_t *window, const value_t *image, factor_t offset, int row, int column, factor_t *restrict codes)
{
    const int length = window->kernel_width * window->channels;
    const range_t across = inside(column, window->kernel_width, window->width);
    const int first = across.first * window->channels, last = across.last * window->channels;
    for (int y = 0; y < window->kernel_height; y++, codes += length) {
        if (row + y < 0 || row + y >= window->height) {
            for (int i = 0; i < length; i++)
                codes[i] = 0;
            continue;
        }
        const value_t *pixels = image + ((row + y) * window->width + column + across.first) * window->channels;
        for (int i = 0; i < first; i++)
            codes[i] = 0;
        read_codes(pixels, last - first, offset, codes + first);
        for (int i = last; i < length; i++)
            codes[i] = 0;
    }
}

static void conv2d(const conv2d_t *layer, const value_t *image, value_t *restrict output)
{
    const window_t *window = &layer->window;
    for (int row = 0; row < window->rows; row++)
        for (int column = 0; column < window->columns; column++, output += layer->matrix.results) {
            const int y = row * window->down - window->top, x = column * window->across - window->left;
            read_window(window, image, layer->offset, y, x, factors);
            weighted_sums(&layer->matrix, factors, sums);
            for (int i = 0; i < layer->matrix.results; i++)
                output[i] = stored(sums[i], layer->store);
        }
}

#endif
