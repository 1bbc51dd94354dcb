// pool: the largest of 2x2, 6x8 to 3x4 pixels.
#pragma once

#include "../word.h"
#include "../max_pool.h"

struct Pool {
    // The image, and the window that slides over it.
    static const int HEIGHT = 6, WIDTH = 8, CHANNELS = 4;
    static const int KERNEL_HEIGHT = 2, KERNEL_WIDTH = 2;
    static const int STRIDE_HEIGHT = 2, STRIDE_WIDTH = 2;
    static const int PAD_TOP = 0, PAD_BOTTOM = 0, PAD_LEFT = 0, PAD_RIGHT = 0;
    // Rows kept above the newest one.
    static const int ABOVE = 1;
    // LANES channels a cycle.
    static const int LANES = 2, STEPS = 2, TURNS = 96;
    // The value of the padding.
    static const int LOWEST = 0;

    typedef ap_uint<8> Value;  // ap_ufixed<8,2,AP_RND,AP_SAT>
    typedef ap_uint<8 * LANES> Word;
};

// The rows are in LUT RAM.
inline void pool(hls::stream<Pool::Word> &words, hls::stream<Pool::Word> &outputs) {
    Pool::Word rows[Pool::ABOVE][Pool::WIDTH * Pool::STEPS];
// One memory for each row: all rows are read and written in one cycle.
#pragma HLS ARRAY_PARTITION variable=rows dim=1 complete
#pragma HLS BIND_STORAGE variable=rows type=ram_s2p impl=lutram
// A word is read again a row later, which takes longer than the pipeline is deep. So no read waits for a write.
#pragma HLS DEPENDENCE variable=rows inter false
    max_pool<Pool>(words, outputs, rows);
}
