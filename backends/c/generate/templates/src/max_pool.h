/* The largest value of each channel in a window; values beyond the image are ignored. */
#ifndef MAX_POOL_H
#define MAX_POOL_H

#include "types.h"
#include "window.h"

static void max_pool(const window_t *window, const value_t *image, value_t *restrict output)
{
    for (int row = 0; row < window->rows; row++)
        for (int column = 0; column < window->columns; column++, output += window->channels) {
            const int y = row * window->down - window->top, x = column * window->across - window->left;
            const range_t rows = inside(y, window->kernel_height, window->height);
            const range_t columns = inside(x, window->kernel_width, window->width);
            const value_t *first = image + ((y + rows.first) * window->width + x + columns.first) * window->channels;
            for (int c = 0; c < window->channels; c++)
                output[c] = first[c];
            for (int i = rows.first; i < rows.last; i++)
                for (int j = columns.first; j < columns.last; j++) {
                    const value_t *pixel = image + ((y + i) * window->width + x + j) * window->channels;
                    for (int c = 0; c < window->channels; c++)
                        output[c] = pixel[c] > output[c] ? pixel[c] : output[c];
                }
        }
}

#endif
