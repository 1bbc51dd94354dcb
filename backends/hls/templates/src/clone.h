// Copies a stream, so that two stages can read it.
#pragma once

#include "hls_stream.h"

template <int PIXELS, typename Pixel>
void clone(hls::stream<Pixel> &pixels, hls::stream<Pixel> &first, hls::stream<Pixel> &second) {
    for (int turn = 0; turn < PIXELS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        const Pixel pixel = pixels.read();
        first.write(pixel);
        second.write(pixel);
    }
}
