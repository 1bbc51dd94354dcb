// The average of each channel over an image, LANES channels in a cycle.
#pragma once

#include "counter.h"
#include "hls_stream.h"
#include "vector.h"

// STEPS turns for every pixel, which comes with the first of them. The averages go out with the last turn.
template <typename Layer>
void global_average_pool(hls::stream<typename Layer::Pixel> &pixels, hls::stream<typename Layer::Output> &outputs) {
    const int CHANNELS = Layer::CHANNELS, LANES = Layer::LANES;
    typename Layer::Value kept[Layer::STEPS][LANES];
#pragma HLS ARRAY_PARTITION variable=kept dim=0 complete
    // They go round by LANES a turn, so that the sums of the turn stand in front. In a memory a turn's sum might be read
    // before it was written, and the loop would not start a turn a cycle.
    typename Layer::Sum sums[CHANNELS];
#pragma HLS ARRAY_PARTITION variable=sums complete
    typename Layer::Result results[CHANNELS];
#pragma HLS ARRAY_PARTITION variable=results complete

    Counter<Layer::STEPS> step = 0;
    for (int turn = 0; turn < Layer::PIXELS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        if (step == 0) {
            const typename Layer::Pixel pixel = pixels.read();
            for (int channel = 0; channel < CHANNELS; channel++)
                kept[channel / LANES][channel % LANES] = pixel.value[channel];
        }
        typename Layer::Sum added[LANES];
#pragma HLS ARRAY_PARTITION variable=added complete
        typename Layer::Result next[LANES];
#pragma HLS ARRAY_PARTITION variable=next complete
        for (int lane = 0; lane < LANES; lane++) {
            added[lane] = (turn < Layer::STEPS ? typename Layer::Sum(0) : sums[lane]) + kept[step][lane];
            next[lane] = Layer::result(added[lane]);
        }
        shift_in(added, sums);
        shift_in(next, results);
        advance<Layer::STEPS>(step);
    }
    typename Layer::Output output;
    for (int channel = 0; channel < CHANNELS; channel++) output.value[channel] = results[channel];
    outputs.write(output);
}
