// The largest value of every window, LANES channels in a cycle.
#pragma once

#include "hls_stream.h"
#include "vector.h"

// STEPS turns for every pixel of the image and of its padding, which counts as the lowest value there is.
template <typename Layer>
void max_pool(hls::stream<typename Layer::Pixel> &pixels, hls::stream<typename Layer::Pixel> &outputs) {
    typedef typename Layer::Value Value;
    const int HEIGHT = Layer::HEIGHT, WIDTH = Layer::WIDTH, CHANNELS = Layer::CHANNELS, LANES = Layer::LANES;
    const int KERNEL_HEIGHT = Layer::KERNEL_HEIGHT, KERNEL_WIDTH = Layer::KERNEL_WIDTH;
    const int ABOVE = KERNEL_HEIGHT > 1 ? KERNEL_HEIGHT - 1 : 1, BEFORE = KERNEL_WIDTH > 1 ? KERNEL_WIDTH - 1 : 1;

    // The rows above the newest one, the oldest first.
    typename Layer::Pixel rows[ABOVE][WIDTH];
// A word a pixel, and a memory a row: all rows are read and written in one cycle.
#pragma HLS AGGREGATE variable=rows
#pragma HLS ARRAY_PARTITION variable=rows dim=1 complete
// A column is read again a row later, and that takes longer than the pipeline: no read has to wait for a write.
#pragma HLS DEPENDENCE variable=rows inter false

    // The newest column of the window, the largest values of each column before it, and those of the window.
    Value newest[KERNEL_HEIGHT][CHANNELS], before[BEFORE][CHANNELS], largest[CHANNELS];
#pragma HLS ARRAY_PARTITION variable=newest dim=0 complete
#pragma HLS ARRAY_PARTITION variable=before dim=0 complete
#pragma HLS ARRAY_PARTITION variable=largest complete

    int row = -Layer::PAD_TOP, column = -Layer::PAD_LEFT, step = 0;
    for (int turn = 0; turn < Layer::TURNS; turn++) {
#pragma HLS PIPELINE II=1
        if (step == 0) {
            const bool has_column = column >= 0 && column < WIDTH;
            const bool has_pixel = has_column && row >= 0 && row < HEIGHT;
            for (int y = 0; y < KERNEL_HEIGHT; y++) {
                typename Layer::Pixel entering;
                const bool is_newest = y + 1 == KERNEL_HEIGHT;
                if (is_newest ? has_pixel : has_column) {
                    entering = is_newest ? pixels.read() : rows[y][column];
                } else {
                    for (int channel = 0; channel < CHANNELS; channel++) entering.value[channel] = Layer::LOWEST;
                }
                if (y > 0 && has_column) rows[y - 1][column] = entering;
                for (int channel = 0; channel < CHANNELS; channel++) newest[y][channel] = entering.value[channel];
            }
        }

        for (int place = 0; place + LANES < CHANNELS; place++) largest[place] = largest[place + LANES];
        for (int lane = 0; lane < LANES; lane++) {
            const int channel = step * LANES + lane;
            Value of_column = newest[0][channel];
            for (int y = 1; y < KERNEL_HEIGHT; y++)
                if (newest[y][channel] > of_column) of_column = newest[y][channel];
            Value of_window = of_column;
            for (int x = 0; x + 1 < KERNEL_WIDTH; x++)
                if (before[x][channel] > of_window) of_window = before[x][channel];
            for (int x = 0; x + 1 < BEFORE; x++) before[x][channel] = before[x + 1][channel];
            before[BEFORE - 1][channel] = of_column;
            largest[CHANNELS - LANES + lane] = of_window;
        }

        if (step + 1 < Layer::STEPS) {
            step++;
        } else {
            // How far the window's upper left corner stands from the first one's.
            const int down = row + Layer::PAD_TOP - (KERNEL_HEIGHT - 1);
            const int right = column + Layer::PAD_LEFT - (KERNEL_WIDTH - 1);
            if (down >= 0 && right >= 0 && down % Layer::STRIDE_HEIGHT == 0 && right % Layer::STRIDE_WIDTH == 0) {
                typename Layer::Pixel output;
                for (int channel = 0; channel < CHANNELS; channel++) output.value[channel] = largest[channel];
                outputs.write(output);
            }
            step = 0;
            const bool ends_row = column + 1 == WIDTH + Layer::PAD_RIGHT;
            column = ends_row ? -Layer::PAD_LEFT : column + 1;
            row = ends_row ? row + 1 : row;
        }
    }
}
