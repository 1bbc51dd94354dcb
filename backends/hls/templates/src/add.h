// The sum of two tensors, LANES channels in a cycle.
#pragma once

#include "hls_stream.h"
#include "vector.h"

// STEPS turns for every pixel. Both pixels come with the first of them.
template <typename Layer>
void add(hls::stream<typename Layer::Left> &lefts, hls::stream<typename Layer::Right> &rights,
         hls::stream<typename Layer::Output> &outputs) {
    const int CHANNELS = Layer::CHANNELS, LANES = Layer::LANES;
    typename Layer::LeftValue left[CHANNELS];
#pragma HLS ARRAY_PARTITION variable=left complete
    typename Layer::RightValue right[CHANNELS];
#pragma HLS ARRAY_PARTITION variable=right complete
    typename Layer::Result results[CHANNELS];
#pragma HLS ARRAY_PARTITION variable=results complete

    int step = 0;
    for (int turn = 0; turn < Layer::PIXELS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1
        if (step == 0) {
            const typename Layer::Left left_pixel = lefts.read();
            const typename Layer::Right right_pixel = rights.read();
            for (int channel = 0; channel < CHANNELS; channel++) {
                left[channel] = left_pixel.value[channel];
                right[channel] = right_pixel.value[channel];
            }
        }
        for (int place = 0; place + LANES < CHANNELS; place++) results[place] = results[place + LANES];
        for (int lane = 0; lane < LANES; lane++) {
            const int channel = step * LANES + lane;
            results[CHANNELS - LANES + lane] = Layer::result(left[channel], right[channel]);
        }

        if (step + 1 < Layer::STEPS) {
            step++;
        } else {
            typename Layer::Output output;
            for (int channel = 0; channel < CHANNELS; channel++) output.value[channel] = results[channel];
            outputs.write(output);
            step = 0;
        }
    }
}
