// The sum of two tensors, LANES channels in a cycle.
#pragma once

#include "hls_stream.h"
#include "word.h"

template <typename Layer>
void add(hls::stream<typename Layer::Left> &lefts, hls::stream<typename Layer::Right> &rights,
         hls::stream<typename Layer::Output> &outputs) {
    for (int turn = 0; turn < Layer::PIXELS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        typename Layer::LeftValue left[Layer::LANES];
#pragma HLS ARRAY_PARTITION variable=left complete
        unpack(lefts.read(), left);
        typename Layer::RightValue right[Layer::LANES];
#pragma HLS ARRAY_PARTITION variable=right complete
        unpack(rights.read(), right);
        typename Layer::Result results[Layer::LANES];
#pragma HLS ARRAY_PARTITION variable=results complete
        for (int lane = 0; lane < Layer::LANES; lane++) results[lane] = Layer::result(left[lane], right[lane]);
        typename Layer::Output output;
        pack(results, output);
        outputs.write(output);
    }
}
