/* A convolution: every window of the image becomes one row of values, which all results are computed from. */
#ifndef CONV2D_H
#define CONV2D_H

#include "fixed_point.h"
#include "memory.h"
#include "weighted_sums.h"
#include "window.h"

typedef struct {
    window_t window;
    matrix_t matrix; /* weights of a result stand as the values of a window do: row, column, channel */
    store_t store;
} conv2d_t;

/* Copies the window whose first pixel is at `row`, `column` into `values`, with zeros beyond the image. */
static inline void copy_window(const window_t *window, const value_t *image, int row, int column, value_t *values)
{
    const int length = window->kernel_width * window->channels;
    const range_t across = inside(column, window->kernel_width, window->width);
    const int first = across.first * window->channels, last = across.last * window->channels;
    for (int y = 0; y < window->kernel_height; y++, values += length) {
        if (row + y < 0 || row + y >= window->height) {
            for (int i = 0; i < length; i++)
                values[i] = 0;
            continue;
        }
        const value_t *pixels = image + ((row + y) * window->width + column + across.first) * window->channels;
        for (int i = 0; i < first; i++)
            values[i] = 0;
        for (int i = first; i < last; i++)
            values[i] = pixels[i - first];
        for (int i = last; i < length; i++)
            values[i] = 0;
    }
}

static void conv2d(const conv2d_t *layer, const value_t *image, value_t *output)
{
    const window_t *window = &layer->window;
    for (int row = 0; row < window->rows; row++)
        for (int column = 0; column < window->columns; column++, output += layer->matrix.results) {
            const int y = row * window->down - window->top, x = column * window->across - window->left;
            copy_window(window, image, y, x, window_values);
            weighted_sums(&layer->matrix, window_values, sums);
            for (int i = 0; i < layer->matrix.results; i++)
                output[i] = stored(sums[i], &layer->store);
        }
}

#endif
