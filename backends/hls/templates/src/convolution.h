// A convolution: a matrix-vector product for every window.
#pragma once

#include "hls_stream.h"
#include "products.h"

// STEPS turns for each of GROUPS groups of results. The parts of a window come once and are kept for the later groups.
template <typename Layer>
void convolution(
    hls::stream<typename Layer::Part> &parts, hls::stream<typename Layer::Output> &outputs,
    const typename Layer::StoredWeight (&weights)[Layer::PE][Layer::GROUPS * Layer::STEPS][Layer::SIMD],
    const typename Layer::StoredBias (&biases)[Layer::PE][Layer::GROUPS]) {
    typename Layer::Part kept[Layer::STEPS];
// One word a turn: small enough for LUTs, where a word is read in the cycle in which it is needed.
#pragma HLS AGGREGATE variable=kept
#pragma HLS BIND_STORAGE variable=kept type=ram_2p impl=lutram
    typename Layer::Sum sums[Layer::PE];
#pragma HLS ARRAY_PARTITION variable=sums complete
    typename Layer::Result results[Layer::RESULTS];
#pragma HLS ARRAY_PARTITION variable=results complete

    int group = 0, step = 0;
    for (int turn = 0; turn < Layer::PIXELS * Layer::GROUPS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1
        typename Layer::Part part;
        if (group == 0) {
            part = parts.read();
            kept[step] = part;
        } else {
            part = kept[step];
        }
        add_products<Layer>(part.value, weights, biases, group, step, sums);

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
