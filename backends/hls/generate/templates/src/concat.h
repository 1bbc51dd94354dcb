// Two tensors side by side: of each pixel all channels of the left one, then those of the right one, LANES in a cycle.
#pragma once

#include "counter.h"
#include "hls_stream.h"
#include "word.h"

// Input words are whole pixels. Both are read at once, and their values are put from a shift register.
template <typename Layer>
void concat(hls::stream<typename Layer::Left> &lefts, hls::stream<typename Layer::Right> &rights,
            hls::stream<typename Layer::Output> &outputs) {
    typedef typename Layer::Sum Sum;
    const int LEFT = Layer::LEFT, RIGHT = Layer::RIGHT;
    typename Layer::Pixel pixel = 0;
    Counter<Layer::STEPS> step;
    for (int turn = 0; turn < Layer::PIXELS * Layer::STEPS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        if (step == 0) {
            typename Layer::LeftValue left[LEFT];
#pragma HLS ARRAY_PARTITION variable=left complete
            unpack(lefts.read(), left);
            typename Layer::RightValue right[RIGHT];
#pragma HLS ARRAY_PARTITION variable=right complete
            unpack(rights.read(), right);
            typename Layer::Result values[LEFT + RIGHT];
#pragma HLS ARRAY_PARTITION variable=values complete
            for (int lane = 0; lane < LEFT; lane++)
                values[lane] = Layer::result(Sum(left[lane]) << Layer::LEFT_UP);
            for (int lane = 0; lane < RIGHT; lane++)
                values[LEFT + lane] = Layer::result(Sum(right[lane]) << Layer::RIGHT_UP);
            pack(values, pixel);
        }
        typename Layer::Output output;
        shift_out(pixel, output);
        outputs.write(output);
        step.advance();
    }
}
