// Frames as the design's AXI4-Streams carry them.
#pragma once

#include "../src/top.h"

// Bytes of an image and results of a frame.
static const int BYTES = 144, RESULTS = 5;
// Frames whose results form one transfer.
static const int TRANSFER = 1;

// All frames are on the stream before the design starts: it has to find their borders by itself.
inline void put_images(const unsigned char *images, int frames, hls::stream<Beat> &beats) {
    for (int frame = 0; frame < frames; frame++)
        for (int place = 0; place < BYTES; place += 4) {
            Beat beat;
            beat.data = 0;
            for (int byte = 0; byte < 4 && place + byte < BYTES; byte++)
                beat.data |= ap_uint<32>(images[frame * BYTES + place + byte]) << (8 * byte);
            beat.keep = place + 4 <= BYTES ? 15 : 15 >> (place + 4 - BYTES);
            beat.strb = beat.keep;
            beat.last = place + 4 >= BYTES;
            beats.write(beat);
        }
}

// The number of beats with a wrong TKEEP or TSTRB, or whose TLAST does not mark the end of a transfer.
inline int take_results(hls::stream<Beat> &beats, int frames, int *results) {
    int wrong = 0;
    for (int place = 0; place < frames * RESULTS; place++) {
        const Beat beat = beats.read();
        results[place] = int(ap_int<32>(beat.data));
        const bool is_last = (place + 1) % (TRANSFER * RESULTS) == 0;
        if (beat.keep != 15 || beat.strb != 15 || beat.last != is_last) wrong++;
    }
    return wrong;
}
