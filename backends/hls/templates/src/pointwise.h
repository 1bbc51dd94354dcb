// A matrix-vector product for every pixel: a 1x1 convolution, or a dense layer behind a vector.
#pragma once

#include "hls_stream.h"
#include "products.h"

// STEPS turns for each of GROUPS groups of results. A pixel comes whole, with the first of its turns.
template <typename Layer>
void pointwise(hls::stream<typename Layer::Pixel> &pixels, hls::stream<typename Layer::Output> &outputs,
               const typename Layer::StoredWeight (&weights)[Layer::PE][Layer::GROUPS * Layer::STEPS][Layer::SIMD],
               const typename Layer::StoredBias (&biases)[Layer::PE][Layer::GROUPS]) {
    typename Layer::Value kept[Layer::CHANNELS];
#pragma HLS ARRAY_PARTITION variable=kept complete
    typename Layer::Sum sums[Layer::PE];
#pragma HLS ARRAY_PARTITION variable=sums complete
    typename Layer::Result results[Layer::RESULTS];
#pragma HLS ARRAY_PARTITION variable=results complete

    int group = 0, step = 0;
    for (int turn = 0; turn < Layer::PIXELS * Layer::GROUPS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1
        if (group == 0 && step == 0) {
            const typename Layer::Pixel pixel = pixels.read();
            for (int channel = 0; channel < Layer::CHANNELS; channel++) kept[channel] = pixel.value[channel];
        }
        typename Layer::Value values[Layer::SIMD];
        for (int lane = 0; lane < Layer::SIMD; lane++) values[lane] = kept[step * Layer::SIMD + lane];
        add_products<Layer>(values, weights, biases, group, step, sums);

        if (step + 1 < Layer::STEPS) {
            step++;
        } else {
            append<Layer>(sums, results);
            step = 0;
            if (group + 1 < Layer::GROUPS) {
                group++;
            } else {
                typename Layer::Output output;
                for (int place = 0; place < Layer::RESULTS; place++) output.value[place] = results[place];
                outputs.write(output);
                group = 0;
            }
        }
    }
}
