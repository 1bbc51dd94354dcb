// The largest value of every window, LANES channels in a cycle.
#pragma once

#include "hls_stream.h"
#include "scan.h"
#include "word.h"

// STEPS turns for every pixel of the image and of its padding, which has the lowest value of the type.
template <typename Layer>
void max_pool(hls::stream<typename Layer::Word> &words, hls::stream<typename Layer::Word> &outputs,
              typename Layer::Word (&rows)[Layer::ABOVE][Layer::WIDTH * Layer::STEPS]) {
#pragma HLS INLINE
    typedef typename Layer::Value Value;
    const int CHANNELS = Layer::CHANNELS, LANES = Layer::LANES;
    const int KERNEL_HEIGHT = Layer::KERNEL_HEIGHT, KERNEL_WIDTH = Layer::KERNEL_WIDTH;
    const int BEFORE = KERNEL_WIDTH > 1 ? KERNEL_WIDTH - 1 : 1;

    // The largest values of all columns but the newest, the oldest column first: a shift register. It moves up by LANES
    // a turn, so that the channels of the turn are always in the same places.
    Value before[BEFORE * CHANNELS];
#pragma HLS ARRAY_PARTITION variable=before complete

    Scan<Layer> scan;
    Counter<Layer::STEPS> step;
    Counter<Layer::WIDTH * Layer::STEPS> address;  // address of the turn's word in every row
    for (int turn = 0; turn < Layer::TURNS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        Value of_column[LANES];
#pragma HLS ARRAY_PARTITION variable=of_column complete
        for (int lane = 0; lane < LANES; lane++) of_column[lane] = Layer::LOWEST;
        for (int y = 0; y < KERNEL_HEIGHT; y++) {
            typename Layer::Word entering;
            Value values[LANES];
#pragma HLS ARRAY_PARTITION variable=values complete
            const bool is_newest = y + 1 == KERNEL_HEIGHT;
            if (is_newest ? scan.has_pixel() : scan.has_column()) {
                entering = is_newest ? words.read() : rows[y][address];
                unpack(entering, values);
            } else {
                for (int lane = 0; lane < LANES; lane++) values[lane] = Layer::LOWEST;
                pack(values, entering);
            }
            if (y > 0 && scan.has_column()) rows[y - 1][address] = entering;
            for (int lane = 0; lane < LANES; lane++)
                if (values[lane] > of_column[lane]) of_column[lane] = values[lane];
        }
        if (scan.has_column()) address.advance();

        if (scan.has_window()) {
            Value largest[LANES];
#pragma HLS ARRAY_PARTITION variable=largest complete
            for (int lane = 0; lane < LANES; lane++) {
                largest[lane] = of_column[lane];
                for (int x = 0; x + 1 < KERNEL_WIDTH; x++) {
                    const Value other = before[x * CHANNELS + lane];
                    if (other > largest[lane]) largest[lane] = other;
                }
            }
            typename Layer::Word output;
            pack(largest, output);
            outputs.write(output);
        }
        shift_in(of_column, before);
        if (step.advance()) scan.next();
    }
}
