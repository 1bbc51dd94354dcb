// conv2: 3x3 convolution, strides 2x2, 4 to 6 channels.
#pragma once

#include "ap_int.h"
#include "../convolution.h"
#include "../fixed_point.h"
#include "../window.h"
#include "../weights/conv2.h"

struct Conv2 {
    // The image, and the window that slides over it.
    static const int HEIGHT = 3, WIDTH = 4, CHANNELS = 4;
    static const int KERNEL_HEIGHT = 3, KERNEL_WIDTH = 3;
    static const int STRIDE_HEIGHT = 2, STRIDE_WIDTH = 2;
    static const int PAD_TOP = 1, PAD_BOTTOM = 1, PAD_LEFT = 0, PAD_RIGHT = 1;
    // Rows kept above the newest one.
    static const int ABOVE = 2;
    // PE results at a time, SIMD products of each a cycle.
    static const int PE = 3, SIMD = 4;
    static const int STEPS = 9, GROUPS = 2;
    // What comes out.
    static const int PIXELS = 4, RESULTS = 6;
    // Cycles of the window stage.
    static const int TURNS = 57;

    typedef ap_uint<8> Value;  // ap_ufixed<8,2,AP_RND,AP_SAT>
    typedef ap_int<8> Weight;  // ap_fixed<8,2,AP_RND_CONV,AP_SAT>
    typedef ap_int<16> Product;
    typedef ap_int<32> Sum;  // ap_fixed<32,20>
    typedef ap_int<8> Result;  // ap_fixed<8,3,AP_RND,AP_SAT>
    typedef signed char StoredWeight;
    typedef short StoredBias;
    typedef Vector<Value, CHANNELS> Pixel;
    typedef Vector<Value, SIMD> Part;  // of a window
    typedef Vector<Result, RESULTS> Output;

    // 12 bits behind the point become ap_fixed<8,3,AP_RND,AP_SAT>.
    static Result result(Sum sum) {
#pragma HLS INLINE
        return saturated<Result, -128, 127>(half_up<7>(sum));
    }
};

// The rows above the newest one are in LUT RAM.
inline void conv2_window(hls::stream<Conv2::Pixel> &pixels, hls::stream<Conv2::Part> &outputs) {
    Conv2::Pixel rows[Conv2::ABOVE][Conv2::WIDTH];
// A word a pixel, and a memory a row: all rows are read and written in one cycle.
#pragma HLS AGGREGATE variable=rows
#pragma HLS ARRAY_PARTITION variable=rows dim=1 complete
#pragma HLS BIND_STORAGE variable=rows type=ram_s2p impl=lutram
// A column is read again a row later, and that takes longer than the pipeline: no read has to wait for a write.
#pragma HLS DEPENDENCE variable=rows inter false
    window<Conv2>(pixels, outputs, rows);
}

// 12 multipliers, 72 cycles a frame.
inline void conv2(hls::stream<Conv2::Part> &inputs, hls::stream<Conv2::Output> &outputs) {
// A ROM for each PE, all read at once; its words are the SIMD weights of a turn.
#pragma HLS ARRAY_PARTITION variable=conv2_weights dim=1 complete
#pragma HLS ARRAY_RESHAPE variable=conv2_weights dim=3 complete
#pragma HLS BIND_STORAGE variable=conv2_weights type=rom_1p impl=lutram
// A bias is read once a group: few words, a block RAM would be all but empty.
#pragma HLS ARRAY_PARTITION variable=conv2_biases dim=1 complete
#pragma HLS BIND_STORAGE variable=conv2_biases type=rom_1p impl=lutram
    convolution<Conv2>(inputs, outputs, conv2_weights, conv2_biases);
}
