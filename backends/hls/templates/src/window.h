// Windows of a convolution: rows are kept until a window is whole; then it goes out, SIMD values a cycle.
#pragma once

#include "hls_stream.h"
#include "vector.h"

// One turn of the loop is one cycle. A pixel that completes a window takes STEPS turns, any other pixel, of the image or
// of its padding, one; TURNS is their sum over a frame. Nothing is cleared between frames: padding or pixels of the next
// frame have replaced all old values before a window is whole.
template <typename Layer>
void window(hls::stream<typename Layer::Pixel> &pixels, hls::stream<typename Layer::Part> &parts) {
    typedef typename Layer::Value Value;
    const int HEIGHT = Layer::HEIGHT, WIDTH = Layer::WIDTH, CHANNELS = Layer::CHANNELS;
    const int KERNEL_HEIGHT = Layer::KERNEL_HEIGHT, KERNEL_WIDTH = Layer::KERNEL_WIDTH;
    const int ABOVE = KERNEL_HEIGHT > 1 ? KERNEL_HEIGHT - 1 : 1;

    // The rows above the newest one, the oldest first.
    typename Layer::Pixel rows[ABOVE][WIDTH];
// A word a pixel, and a memory a row: all rows are read and written in one cycle.
#pragma HLS AGGREGATE variable=rows
#pragma HLS ARRAY_PARTITION variable=rows dim=1 complete
// A column is read again a row later, and that takes longer than the pipeline: no read has to wait for a write.
#pragma HLS DEPENDENCE variable=rows inter false

    // The window is in registers, since any SIMD of its values go out in a cycle.
    Value kept[KERNEL_HEIGHT][KERNEL_WIDTH][CHANNELS];
#pragma HLS ARRAY_PARTITION variable=kept dim=0 complete

    int row = -Layer::PAD_TOP, column = -Layer::PAD_LEFT, step = 0;
    for (int turn = 0; turn < Layer::TURNS; turn++) {
#pragma HLS PIPELINE II=1
        // A new pixel: the window moves a column to the right.
        if (step == 0) {
            const bool has_column = column >= 0 && column < WIDTH;
            const bool has_pixel = has_column && row >= 0 && row < HEIGHT;
            for (int y = 0; y < KERNEL_HEIGHT; y++) {
                for (int x = 0; x + 1 < KERNEL_WIDTH; x++)
                    for (int channel = 0; channel < CHANNELS; channel++)
                        kept[y][x][channel] = kept[y][x + 1][channel];

                typename Layer::Pixel entering;
                const bool is_newest = y + 1 == KERNEL_HEIGHT;
                if (is_newest ? has_pixel : has_column) {
                    entering = is_newest ? pixels.read() : rows[y][column];
                } else {
                    for (int channel = 0; channel < CHANNELS; channel++) entering.value[channel] = 0;
                }
                if (y > 0 && has_column) rows[y - 1][column] = entering;
                for (int channel = 0; channel < CHANNELS; channel++)
                    kept[y][KERNEL_WIDTH - 1][channel] = entering.value[channel];
            }
        }

        // How far the window's upper left corner stands from the first one's.
        const int down = row + Layer::PAD_TOP - (KERNEL_HEIGHT - 1);
        const int right = column + Layer::PAD_LEFT - (KERNEL_WIDTH - 1);
        const bool is_whole =
            down >= 0 && right >= 0 && down % Layer::STRIDE_HEIGHT == 0 && right % Layer::STRIDE_WIDTH == 0;
        if (is_whole) {
            typename Layer::Part part;
            for (int lane = 0; lane < Layer::SIMD; lane++) {
                const int place = step * Layer::SIMD + lane, position = place / CHANNELS;
                part.value[lane] = kept[position / KERNEL_WIDTH][position % KERNEL_WIDTH][place % CHANNELS];
            }
            parts.write(part);
        }

        if (is_whole && step + 1 < Layer::STEPS) {
            step++;
        } else {
            step = 0;
            const bool ends_row = column + 1 == WIDTH + Layer::PAD_RIGHT;
            column = ends_row ? -Layer::PAD_LEFT : column + 1;
            row = ends_row ? row + 1 : row;
        }
    }
}
