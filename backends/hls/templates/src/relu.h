// A ReLU that stands alone, LANES channels in a cycle. One behind a layer with weights is part of that layer.
#pragma once

#include "hls_stream.h"
#include "vector.h"

// STEPS turns for every pixel, which comes with the first of them.
template <typename Layer>
void relu(hls::stream<typename Layer::Pixel> &pixels, hls::stream<typename Layer::Output> &outputs) {
    const int CHANNELS = Layer::CHANNELS, LANES = Layer::LANES;
    typename Layer::Value kept[CHANNELS];
#pragma HLS ARRAY_PARTITION variable=kept complete
    typename Layer::Result results[CHANNELS];
#pragma HLS ARRAY_PARTITION variable=results complete

    int step = 0;
    for (int turn = 0; turn < Layer::PIXELS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1
        if (step == 0) {
            const typename Layer::Pixel pixel = pixels.read();
            for (int channel = 0; channel < CHANNELS; channel++) kept[channel] = pixel.value[channel];
        }
        for (int place = 0; place + LANES < CHANNELS; place++) results[place] = results[place + LANES];
        for (int lane = 0; lane < LANES; lane++)
            results[CHANNELS - LANES + lane] = Layer::result(kept[step * LANES + lane]);

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
