// The average of each channel over an image, LANES channels in a cycle.
#pragma once

#include "counter.h"
#include "hls_stream.h"

// STEPS turns for every pixel. The averages are put in the turns of the last pixel.
template <typename Layer>
void global_average_pool(hls::stream<typename Layer::Word> &words, hls::stream<typename Layer::Output> &outputs) {
    const int LANES = Layer::LANES;
    // The sums rotate by LANES a turn, so that those of the turn are always in front. In a memory, a sum might be read
    // before it was written, and the initiation interval would not be 1.
    typename Layer::Sum sums[Layer::CHANNELS];
#pragma HLS ARRAY_PARTITION variable=sums complete

    Counter<Layer::STEPS> step;
    Counter<Layer::PIXELS> pixel;
    for (int turn = 0; turn < Layer::PIXELS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        typename Layer::Value values[LANES];
#pragma HLS ARRAY_PARTITION variable=values complete
        unpack(words.read(), values);
        typename Layer::Sum added[LANES];
#pragma HLS ARRAY_PARTITION variable=added complete
        for (int lane = 0; lane < LANES; lane++)
            added[lane] = (pixel == 0 ? typename Layer::Sum(0) : sums[lane]) + values[lane];
        shift_in(added, sums);
        if (pixel.is_last) {
            typename Layer::Result averages[LANES];
#pragma HLS ARRAY_PARTITION variable=averages complete
            for (int lane = 0; lane < LANES; lane++) averages[lane] = Layer::result(added[lane]);
            typename Layer::Output output;
            pack(averages, output);
            outputs.write(output);
        }
        if (step.advance()) pixel.advance();
    }
}
