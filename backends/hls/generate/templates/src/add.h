// The sum of two tensors, LANES channels in a cycle.
#pragma once

#include "hls_stream.h"
#include "vector.h"

template <typename Layer>
void add(hls::stream<typename Layer::Left> &lefts, hls::stream<typename Layer::Right> &rights,
         hls::stream<typename Layer::Output> &outputs) {
    for (int turn = 0; turn < Layer::PIXELS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        const typename Layer::Left left = lefts.read();
        const typename Layer::Right right = rights.read();
        typename Layer::Output output;
        for (int lane = 0; lane < Layer::LANES; lane++)
            output.value[lane] = Layer::result(left.value[lane], right.value[lane]);
        outputs.write(output);
    }
}
