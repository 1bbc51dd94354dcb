// A matrix-vector product for every pixel: a 1x1 convolution, or a dense layer behind a vector.
#pragma once

#include "hls_stream.h"
#include "products.h"

// STEPS turns for each of GROUPS groups of results. A pixel comes whole, with the first of its turns.
template <typename Layer>
void pointwise(hls::stream<typename Layer::Pixel> &pixels, hls::stream<typename Layer::Output> &outputs,
               const typename Layer::StoredWeight (&weights)[Layer::PE][Layer::GROUPS * Layer::STEPS][Layer::SIMD],
               const typename Layer::StoredBias (&biases)[Layer::PE][Layer::GROUPS]) {
// Part of the function of its layer, where its memories are.
#pragma HLS INLINE
    typename Layer::Value kept[Layer::STEPS][Layer::SIMD];
#pragma HLS ARRAY_PARTITION variable=kept dim=0 complete
    typename Layer::Sum sums[Layer::PE];
#pragma HLS ARRAY_PARTITION variable=sums complete
    typename Layer::Result results[Layer::RESULTS];
#pragma HLS ARRAY_PARTITION variable=results complete

    Counter<Layer::STEPS> step = 0;
    Counter<Layer::GROUPS> group = 0;
    Counter<Layer::GROUPS * Layer::STEPS> word = 0;
    for (int turn = 0; turn < Layer::PIXELS * Layer::GROUPS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        if (word == 0) {
            const typename Layer::Pixel pixel = pixels.read();
            for (int channel = 0; channel < Layer::CHANNELS; channel++)
                kept[channel / Layer::SIMD][channel % Layer::SIMD] = pixel.value[channel];
        }
        add_products<Layer>(kept[step], weights, biases, word, group, step == 0, sums);

        advance<Layer::GROUPS * Layer::STEPS>(word);
        if (advance<Layer::STEPS>(step)) {
            append<Layer>(sums, results);
            if (advance<Layer::GROUPS>(group)) {
                typename Layer::Output output;
                for (int place = 0; place < Layer::RESULTS; place++) output.value[place] = results[place];
                outputs.write(output);
            }
        }
    }
}
