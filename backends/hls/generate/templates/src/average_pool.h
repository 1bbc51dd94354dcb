// The average of every window, LANES channels in a cycle.
#pragma once

#include "hls_stream.h"
#include "scan.h"
#include "word.h"

// STEPS turns for every pixel of the image and of its padding, which counts as zeros.
template <typename Layer>
void average_pool(hls::stream<typename Layer::Word> &words, hls::stream<typename Layer::Output> &outputs,
                  typename Layer::Word (&rows)[Layer::ABOVE][Layer::WIDTH * Layer::STEPS]) {
#pragma HLS INLINE
    typedef typename Layer::Sum Sum;
    const int CHANNELS = Layer::CHANNELS, LANES = Layer::LANES;
    const int KERNEL_HEIGHT = Layer::KERNEL_HEIGHT, KERNEL_WIDTH = Layer::KERNEL_WIDTH;
    const int BEFORE = KERNEL_WIDTH > 1 ? KERNEL_WIDTH - 1 : 1;

    // The sums of all columns but the newest, the oldest column first: a shift register. It moves up by LANES a turn,
    // so that the channels of the turn are always in the same places.
    Sum before[BEFORE * CHANNELS];
#pragma HLS ARRAY_PARTITION variable=before complete

    Scan<Layer> scan;
    Counter<Layer::STEPS> step;
    Counter<Layer::WIDTH * Layer::STEPS> address;  // address of the turn's word in every row
    for (int turn = 0; turn < Layer::TURNS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        Sum of_column[LANES];
#pragma HLS ARRAY_PARTITION variable=of_column complete
        for (int lane = 0; lane < LANES; lane++) of_column[lane] = 0;
        for (int y = 0; y < KERNEL_HEIGHT; y++) {
            typename Layer::Word entering = 0;
            const bool is_newest = y + 1 == KERNEL_HEIGHT;
            if (is_newest ? scan.has_pixel() : scan.has_column())
                entering = is_newest ? words.read() : rows[y][address];
            if (y > 0 && scan.has_column()) rows[y - 1][address] = entering;
            typename Layer::Value values[LANES];
#pragma HLS ARRAY_PARTITION variable=values complete
            unpack(entering, values);
            for (int lane = 0; lane < LANES; lane++) of_column[lane] += values[lane];
        }
        if (scan.has_column()) address.advance();

        if (scan.has_window()) {
            typename Layer::Result averages[LANES];
#pragma HLS ARRAY_PARTITION variable=averages complete
            for (int lane = 0; lane < LANES; lane++) {
                Sum sum = of_column[lane];
                for (int x = 0; x + 1 < KERNEL_WIDTH; x++) sum += before[x * CHANNELS + lane];
                averages[lane] = Layer::result(sum);
            }
            typename Layer::Output output;
            pack(averages, output);
            outputs.write(output);
        }
        shift_in(of_column, before);
        if (step.advance()) scan.next();
    }
}
