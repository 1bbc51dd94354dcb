// Frames as the design's AXI4-Streams carry them.
#pragma once

#include "top.h"

// Bytes of an image and results of a frame.
static const int BYTES = 144, RESULTS = 5;

// All frames lie on the stream before the first is asked for: only the design itself can tell them apart.
inline void put_images(const unsigned char *images, int frames, hls::stream<Beat> &in) {
    for (int frame = 0; frame < frames; frame++)
        for (int place = 0; place < BYTES; place += 4) {
            Beat beat;
            beat.data = 0;
            for (int byte = 0; byte < 4 && place + byte < BYTES; byte++)
                beat.data |= ap_uint<32>(images[frame * BYTES + place + byte]) << (8 * byte);
            beat.keep = place + 4 <= BYTES ? 15 : 15 >> (place + 4 - BYTES);
            beat.strb = beat.keep;
            beat.last = place + 4 >= BYTES;
            in.write(beat);
        }
}

inline void take_results(hls::stream<Beat> &out, int frames, int *results) {
    for (int place = 0; place < frames * RESULTS; place++) results[place] = int(ap_int<32>(out.read().data));
}
