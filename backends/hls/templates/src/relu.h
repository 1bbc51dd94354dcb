// A ReLU that stands alone, LANES channels in a cycle. One behind a layer with weights is part of that layer.
#pragma once

#include "counter.h"
#include "hls_stream.h"
#include "vector.h"

// STEPS turns for every pixel, which comes with the first of them.
template <typename Layer>
void relu(hls::stream<typename Layer::Pixel> &pixels, hls::stream<typename Layer::Output> &outputs) {
    const int CHANNELS = Layer::CHANNELS, LANES = Layer::LANES;
    typename Layer::Value kept[Layer::STEPS][LANES];
#pragma HLS ARRAY_PARTITION variable=kept dim=0 complete
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
        typename Layer::Result next[LANES];
#pragma HLS ARRAY_PARTITION variable=next complete
        for (int lane = 0; lane < LANES; lane++) next[lane] = Layer::result(kept[step][lane]);
        shift_in(next, results);

        if (advance<Layer::STEPS>(step)) {
            typename Layer::Output output;
            for (int channel = 0; channel < CHANNELS; channel++) output.value[channel] = results[channel];
            outputs.write(output);
        }
    }
}
