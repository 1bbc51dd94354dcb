// An activation that stands alone, LANES channels in a cycle. One behind a layer with weights is part of that layer.
#pragma once

#include "hls_stream.h"
#include "word.h"

template <typename Layer>
void activation(hls::stream<typename Layer::Word> &words, hls::stream<typename Layer::Output> &outputs) {
    for (int turn = 0; turn < Layer::PIXELS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        typename Layer::Value values[Layer::LANES];
#pragma HLS ARRAY_PARTITION variable=values complete
        unpack(words.read(), values);
        typename Layer::Result results[Layer::LANES];
#pragma HLS ARRAY_PARTITION variable=results complete
        for (int lane = 0; lane < Layer::LANES; lane++) results[lane] = Layer::result(values[lane]);
        typename Layer::Output output;
        pack(results, output);
        outputs.write(output);
    }
}
