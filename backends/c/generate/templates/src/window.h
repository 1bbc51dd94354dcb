/* The window that slides over an image: its position, and the part of it inside the image. */
#ifndef WINDOW_H
#define WINDOW_H

typedef struct {
    int height, width, channels; /* of the image; channels of a pixel stand side by side */
    int rows, columns;           /* of the output */
    int kernel_height, kernel_width;
    int down, across; /* strides */
    int top, left;    /* padding */
} window_t;

typedef struct {
    int first, last; /* last is exclusive */
} range_t;

/* The places inside 0 .. `end` - 1 among `size` places from `start` on, relative to `start`. */
static inline range_t inside(int start, int size, int end)
{
    const range_t range = {start < 0 ? -start : 0, start + size > end ? end - start : size};
    return range;
}

#endif
