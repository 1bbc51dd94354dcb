// The average of each channel over an image, LANES channels in a cycle.
#pragma once

#include "counter.h"
#include "hls_stream.h"
#include "vector.h"

// STEPS turns for every pixel. The averages go out with those of the last one.
template <typename Layer>
void global_average_pool(hls::stream<typename Layer::Word> &words, hls::stream<typename Layer::Output> &outputs) {
    const int LANES = Layer::LANES;
    // They go round by LANES a turn, so that the sums of the turn stand in front. In a memory a turn's sum might be read
    // before it was written, and the loop would not start a turn a cycle.
    typename Layer::Sum sums[Layer::CHANNELS];
#pragma HLS ARRAY_PARTITION variable=sums complete

    Counter<Layer::STEPS> step = 0;
    Counter<Layer::PIXELS> pixel = 0;
    for (int turn = 0; turn < Layer::PIXELS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        const typename Layer::Word word = words.read();
        typename Layer::Sum added[LANES];
#pragma HLS ARRAY_PARTITION variable=added complete
        for (int lane = 0; lane < LANES; lane++)
            added[lane] = (pixel == 0 ? typename Layer::Sum(0) : sums[lane]) + word.value[lane];
        shift_in(added, sums);
        if (pixel == Layer::PIXELS - 1) {
            typename Layer::Output output;
            for (int lane = 0; lane < LANES; lane++) output.value[lane] = Layer::result(added[lane]);
            outputs.write(output);
        }
        if (advance<Layer::STEPS>(step)) advance<Layer::PIXELS>(pixel);
    }
}
