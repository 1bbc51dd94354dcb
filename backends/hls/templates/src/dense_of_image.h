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
    const int PARTS = Layer::CHANNELS / Layer::SIMD;  // steps of one pixel
    typename Layer::Pixel kept[Layer::PIXELS];
#pragma HLS AGGREGATE variable=kept
    typename Layer::Sum sums[Layer::PE];
#pragma HLS ARRAY_PARTITION variable=sums complete
    typename Layer::Result results[Layer::RESULTS];
#pragma HLS ARRAY_PARTITION variable=results complete

    int group = 0, step = 0;
    for (int turn = 0; turn < Layer::PIXELS - 1 + Layer::GROUPS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1
        if (turn < Layer::PIXELS) kept[turn] = pixels.read();
        if (turn < Layer::PIXELS - 1) continue;

        const typename Layer::Pixel pixel = kept[step / PARTS];
        typename Layer::Value values[Layer::SIMD];
        for (int lane = 0; lane < Layer::SIMD; lane++) values[lane] = pixel.value[step % PARTS * Layer::SIMD + lane];
        add_products<Layer>(values, weights, biases, group, step, sums);

        if (step + 1 < Layer::STEPS) {
            step++;
        } else {
            append<Layer>(sums, results);
            step = 0;
            group++;
        }
    }
    typename Layer::Output output;
    for (int place = 0; place < Layer::RESULTS; place++) output.value[place] = results[place];
    outputs.write(output);
}
