// The largest value of every window, LANES channels in a cycle.
#pragma once

#include "hls_stream.h"
#include "scan.h"
#include "vector.h"

// STEPS turns for every pixel of the image and of its padding, which counts as the lowest value there is.
template <typename Layer>
void max_pool(hls::stream<typename Layer::Pixel> &pixels, hls::stream<typename Layer::Pixel> &outputs,
              typename Layer::Pixel (&rows)[Layer::ABOVE][Layer::WIDTH]) {
// Part of the function of its layer, where its memories are.
#pragma HLS INLINE
    typedef typename Layer::Value Value;
    const int CHANNELS = Layer::CHANNELS, LANES = Layer::LANES;
    const int KERNEL_HEIGHT = Layer::KERNEL_HEIGHT, KERNEL_WIDTH = Layer::KERNEL_WIDTH;
    const int BEFORE = KERNEL_WIDTH > 1 ? KERNEL_WIDTH - 1 : 1;

    // The newest column of the window, the largest values of each column before it, and those of the window. The last
    // two go round by LANES a turn, so that the channels of the turn stand in front.
    Value newest[KERNEL_HEIGHT][Layer::STEPS][LANES], before[BEFORE][CHANNELS], largest[CHANNELS];
#pragma HLS ARRAY_PARTITION variable=newest dim=0 complete
#pragma HLS ARRAY_PARTITION variable=before dim=0 complete
#pragma HLS ARRAY_PARTITION variable=largest complete

    Scan<Layer> scan;
    Counter<Layer::STEPS> step = 0;
    for (int turn = 0; turn < Layer::TURNS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        if (step == 0) {
            const int column = scan.column - Layer::PAD_LEFT;
            for (int y = 0; y < KERNEL_HEIGHT; y++) {
                typename Layer::Pixel entering;
                const bool is_newest = y + 1 == KERNEL_HEIGHT;
                if (is_newest ? scan.has_pixel() : scan.has_column()) {
                    entering = is_newest ? pixels.read() : rows[y][column];
                } else {
                    for (int channel = 0; channel < CHANNELS; channel++) entering.value[channel] = Layer::LOWEST;
                }
                if (y > 0 && scan.has_column()) rows[y - 1][column] = entering;
                for (int channel = 0; channel < CHANNELS; channel++)
                    newest[y][channel / LANES][channel % LANES] = entering.value[channel];
            }
        }

        Value of_column[LANES], of_window[LANES];
#pragma HLS ARRAY_PARTITION variable=of_column complete
#pragma HLS ARRAY_PARTITION variable=of_window complete
        for (int lane = 0; lane < LANES; lane++) {
            of_column[lane] = newest[0][step][lane];
            for (int y = 1; y < KERNEL_HEIGHT; y++)
                if (newest[y][step][lane] > of_column[lane]) of_column[lane] = newest[y][step][lane];
            of_window[lane] = of_column[lane];
            for (int x = 0; x + 1 < KERNEL_WIDTH; x++)
                if (before[x][lane] > of_window[lane]) of_window[lane] = before[x][lane];
        }
        for (int x = 0; x < BEFORE; x++) {
            Value next[LANES];
#pragma HLS ARRAY_PARTITION variable=next complete
            for (int lane = 0; lane < LANES; lane++)
                next[lane] = x + 1 < BEFORE ? before[x + 1][lane] : of_column[lane];
            shift_in(next, before[x]);
        }
        shift_in(of_window, largest);

        if (advance<Layer::STEPS>(step)) {
            if (scan.has_window()) {
                typename Layer::Pixel output;
                for (int channel = 0; channel < CHANNELS; channel++) output.value[channel] = largest[channel];
                outputs.write(output);
            }
            scan.next();
        }
    }
}
