/* The window that slides over an image: its place, and what of it lies inside. */
#ifndef WINDOW_H
#define WINDOW_H

typedef struct {
    int height, width, channels; /* of the image; channels of a pixel stand side by side */
    int rows, columns;           /* of what the window slides to */
    int kernel_height, kernel_width;
    int down, across; /* strides */
    int top, left;    /* padding */
} window_t;

typedef struct {
    int first, last; /* the last is not in it */
} range_t;

/* Of `size` places from `start` on those inside 0 .. `end` - 1, counted from `start`. */
static inline range_t inside(int start, int size, int end)
{
    const range_t range = {start < 0 ? -start : 0, start + size > end ? end - start : size};
    return range;
}

#endif
