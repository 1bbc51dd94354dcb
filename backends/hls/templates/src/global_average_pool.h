// The average of each channel over an image, LANES channels in a cycle.
#pragma once

#include "hls_stream.h"
#include "vector.h"

// STEPS turns for every pixel, which comes with the first of them. The averages go out with the last turn.
template <typename Layer>
void global_average_pool(hls::stream<typename Layer::Pixel> &pixels, hls::stream<typename Layer::Output> &outputs) {
    const int CHANNELS = Layer::CHANNELS, LANES = Layer::LANES;
    typename Layer::Value kept[CHANNELS];
#pragma HLS ARRAY_PARTITION variable=kept complete
    typename Layer::Sum sums[Layer::STEPS][LANES];
// A word of LANES sums is read and written in each turn.
#pragma HLS ARRAY_RESHAPE variable=sums dim=2 complete
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
        for (int lane = 0; lane < LANES; lane++) {
            const typename Layer::Sum sum = (turn < Layer::STEPS ? typename Layer::Sum(0) : sums[step][lane]) +
                                            kept[step * LANES + lane];
            sums[step][lane] = sum;
            results[CHANNELS - LANES + lane] = Layer::result(sum);
        }
        step = step + 1 < Layer::STEPS ? step + 1 : 0;
    }
    typename Layer::Output output;
    for (int channel = 0; channel < CHANNELS; channel++) output.value[channel] = results[channel];
    outputs.write(output);
}
