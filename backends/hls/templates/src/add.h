// The sum of two tensors, LANES channels in a cycle.
#pragma once

#include "counter.h"
#include "hls_stream.h"
#include "vector.h"

// STEPS turns for every pixel. Both pixels come with the first of them.
template <typename Layer>
void add(hls::stream<typename Layer::Left> &lefts, hls::stream<typename Layer::Right> &rights,
         hls::stream<typename Layer::Output> &outputs) {
    const int CHANNELS = Layer::CHANNELS, LANES = Layer::LANES;
    typename Layer::LeftValue left[Layer::STEPS][LANES];
#pragma HLS ARRAY_PARTITION variable=left dim=0 complete
    typename Layer::RightValue right[Layer::STEPS][LANES];
#pragma HLS ARRAY_PARTITION variable=right dim=0 complete
    typename Layer::Result results[CHANNELS];
#pragma HLS ARRAY_PARTITION variable=results complete

    Counter<Layer::STEPS> step = 0;
    for (int turn = 0; turn < Layer::PIXELS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        if (step == 0) {
            const typename Layer::Left left_pixel = lefts.read();
            const typename Layer::Right right_pixel = rights.read();
            for (int channel = 0; channel < CHANNELS; channel++) {
                left[channel / LANES][channel % LANES] = left_pixel.value[channel];
                right[channel / LANES][channel % LANES] = right_pixel.value[channel];
            }
        }
        typename Layer::Result next[LANES];
#pragma HLS ARRAY_PARTITION variable=next complete
        for (int lane = 0; lane < LANES; lane++) next[lane] = Layer::result(left[step][lane], right[step][lane]);
        shift_in(next, results);

        if (advance<Layer::STEPS>(step)) {
            typename Layer::Output output;
            for (int channel = 0; channel < CHANNELS; channel++) output.value[channel] = results[channel];
            outputs.write(output);
        }
    }
}
