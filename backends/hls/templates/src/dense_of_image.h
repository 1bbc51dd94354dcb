// A dense layer behind an image: one matrix-vector product over all of its pixels.
#pragma once

#include "hls_stream.h"
#include "products.h"

// All pixels but the last come first, a turn each; then come STEPS turns for each of GROUPS groups of results, the last
// pixel with the first of them. The values of a step lie in one pixel.
template <typename Layer>
void dense_of_image(hls::stream<typename Layer::Pixel> &pixels, hls::stream<typename Layer::Output> &outputs,
                    const typename Layer::StoredWeight (&weights)[Layer::PE][Layer::GROUPS * Layer::STEPS][Layer::SIMD],
                    const typename Layer::StoredBias (&biases)[Layer::PE][Layer::GROUPS]) {
// Part of the function of its layer, where its memories are.
#pragma HLS INLINE
    const int PARTS = Layer::CHANNELS / Layer::SIMD;  // steps of one pixel
    typename Layer::Pixel kept[Layer::PIXELS];
// A word a pixel. There are too few of them to fill a block RAM as wide as this takes.
#pragma HLS AGGREGATE variable=kept
#pragma HLS BIND_STORAGE variable=kept type=ram_s2p impl=lutram
    typename Layer::Sum sums[Layer::PE];
#pragma HLS ARRAY_PARTITION variable=sums complete
    typename Layer::Result results[Layer::RESULTS];
#pragma HLS ARRAY_PARTITION variable=results complete

    Counter<PARTS> part = 0;
    Counter<Layer::PIXELS> place = 0;
    Counter<Layer::GROUPS> group = 0;
    Counter<Layer::GROUPS * Layer::STEPS> word = 0;
    for (int turn = 0; turn < Layer::PIXELS - 1 + Layer::GROUPS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        if (turn < Layer::PIXELS) kept[turn] = pixels.read();
        if (turn < Layer::PIXELS - 1) continue;

        const typename Layer::Pixel pixel = kept[place];
        typename Layer::Value values[PARTS][Layer::SIMD];
#pragma HLS ARRAY_PARTITION variable=values dim=0 complete
        for (int channel = 0; channel < Layer::CHANNELS; channel++)
            values[channel / Layer::SIMD][channel % Layer::SIMD] = pixel.value[channel];
        add_products<Layer>(values[part], weights, biases, word, group, place == 0 && part == 0, sums);

        advance<Layer::GROUPS * Layer::STEPS>(word);
        if (advance<PARTS>(part) && advance<Layer::PIXELS>(place)) {
            append<Layer>(sums, results);
            advance<Layer::GROUPS>(group);
        }
    }
    typename Layer::Output output;
    for (int result = 0; result < Layer::RESULTS; result++) output.value[result] = results[result];
    outputs.write(output);
}
