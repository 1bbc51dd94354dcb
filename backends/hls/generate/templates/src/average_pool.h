// The average of every window, LANES channels in a cycle.
#pragma once

#include "hls_stream.h"
#include "scan.h"
#include "vector.h"

// STEPS turns for every pixel of the image and of its padding, which counts as zeros.
template <typename Layer>
void average_pool(hls::stream<typename Layer::Word> &words, hls::stream<typename Layer::Output> &outputs,
                  typename Layer::Word (&rows)[Layer::ABOVE][Layer::WIDTH][Layer::STEPS]) {
#pragma HLS INLINE
    typedef typename Layer::Sum Sum;
    const int CHANNELS = Layer::CHANNELS, LANES = Layer::LANES;
    const int KERNEL_HEIGHT = Layer::KERNEL_HEIGHT, KERNEL_WIDTH = Layer::KERNEL_WIDTH;
    const int BEFORE = KERNEL_WIDTH > 1 ? KERNEL_WIDTH - 1 : 1;

    // The sum of each column before the newest, the oldest column first. They move up by LANES a turn, so that those of
    // the channels of the turn always stand in the same places: a shift register.
    Sum before[BEFORE * CHANNELS];
#pragma HLS ARRAY_PARTITION variable=before complete

    Scan<Layer> scan;
    Counter<Layer::STEPS> step = 0;
    for (int turn = 0; turn < Layer::TURNS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        const int column = scan.column - Layer::PAD_LEFT;
        Sum of_column[LANES];
#pragma HLS ARRAY_PARTITION variable=of_column complete
        for (int y = 0; y < KERNEL_HEIGHT; y++) {
            typename Layer::Word entering;
            const bool is_newest = y + 1 == KERNEL_HEIGHT;
            if (is_newest ? scan.has_pixel() : scan.has_column()) {
                entering = is_newest ? words.read() : rows[y][column][step];
            } else {
                for (int lane = 0; lane < LANES; lane++) entering.value[lane] = 0;
            }
            if (y > 0 && scan.has_column()) rows[y - 1][column][step] = entering;
            for (int lane = 0; lane < LANES; lane++)
                of_column[lane] = (y == 0 ? Sum(0) : of_column[lane]) + entering.value[lane];
        }

        if (scan.has_window()) {
            typename Layer::Output output;
            for (int lane = 0; lane < LANES; lane++) {
                Sum sum = of_column[lane];
                for (int x = 0; x + 1 < KERNEL_WIDTH; x++) sum += before[x * CHANNELS + lane];
                output.value[lane] = Layer::result(sum);
            }
            outputs.write(output);
        }
        shift_in(of_column, before);
        if (advance<Layer::STEPS>(step)) scan.next();
    }
}
