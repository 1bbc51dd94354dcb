// An activation that stands alone, LANES channels in a cycle. One behind a layer with weights is part of that layer.
#pragma once

#include "hls_stream.h"
#include "vector.h"

template <typename Layer>
void activation(hls::stream<typename Layer::Word> &words, hls::stream<typename Layer::Output> &outputs) {
    for (int turn = 0; turn < Layer::PIXELS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        const typename Layer::Word word = words.read();
        typename Layer::Output output;
        for (int lane = 0; lane < Layer::LANES; lane++) output.value[lane] = Layer::result(word.value[lane]);
        outputs.write(output);
    }
}
