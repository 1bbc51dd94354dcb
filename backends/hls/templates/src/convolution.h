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
// Part of the function of its layer, where its memories are.
#pragma HLS INLINE
    typename Layer::Part kept[Layer::STEPS];
// One word a turn, and few of them: a block RAM would be all but empty.
#pragma HLS AGGREGATE variable=kept
#pragma HLS BIND_STORAGE variable=kept type=ram_s2p impl=lutram
    typename Layer::Sum sums[Layer::PE];
#pragma HLS ARRAY_PARTITION variable=sums complete
    typename Layer::Result results[Layer::RESULTS];
#pragma HLS ARRAY_PARTITION variable=results complete

    Counter<Layer::STEPS> step = 0;
    Counter<Layer::GROUPS> group = 0;
    Counter<Layer::GROUPS * Layer::STEPS> word = 0;
    for (int turn = 0; turn < Layer::PIXELS * Layer::GROUPS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        typename Layer::Part part;
        if (group == 0) {
            part = parts.read();
            kept[step] = part;
        } else {
            part = kept[step];
        }
        add_products<Layer>(part.value, weights, biases, word, group, step == 0, sums);

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
