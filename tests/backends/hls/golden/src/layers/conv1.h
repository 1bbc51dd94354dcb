// conv1: 3x3 convolution, 3 to 4 channels and ReLU.
#pragma once

#include "ap_int.h"
#include "../convolution.h"
#include "../fixed_point.h"
#include "../window.h"
#include "../weights/conv1.h"

struct Conv1 {
    // The image, and the window that slides over it.
    static const int HEIGHT = 6, WIDTH = 8, CHANNELS = 3;
    static const int KERNEL_HEIGHT = 3, KERNEL_WIDTH = 3;
    static const int STRIDE_HEIGHT = 1, STRIDE_WIDTH = 1;
    static const int PAD_TOP = 1, PAD_BOTTOM = 1, PAD_LEFT = 1, PAD_RIGHT = 1;
    // Rows kept above the newest one.
    static const int ABOVE = 2;
    // PE results at a time, SIMD products of each a cycle.
    static const int PE = 2, SIMD = 3;
    static const int STEPS = 9, GROUPS = 2;
    // What comes out.
    static const int PIXELS = 48, RESULTS = 4;
    // Cycles of the window stage.
    static const int TURNS = 464;

    typedef ap_uint<8> Value;  // ap_ufixed<8,0>
    typedef ap_int<8> Weight;  // ap_fixed<8,2,AP_RND_CONV,AP_SAT>
    typedef ap_int<16> Product;
    typedef ap_int<32> Sum;  // ap_fixed<32,18>
    typedef ap_uint<8> Result;  // ap_ufixed<8,2,AP_RND,AP_SAT>
    typedef signed char StoredWeight;
    typedef short StoredBias;
    typedef Vector<Value, CHANNELS> Pixel;
    typedef Vector<Value, SIMD> Part;  // of a window
    typedef Vector<Result, RESULTS> Output;

    // 14 bits behind the point become ap_ufixed<8,2,AP_RND,AP_SAT>: a ReLU, since nothing below zero is held.
    static Result result(Sum sum) {
#pragma HLS INLINE
        return saturated<Result, 0, 255>(half_up<8>(sum));
    }
};

// The rows above the newest one are in LUT RAM.
inline void conv1_window(hls::stream<Conv1::Pixel> &pixels, hls::stream<Conv1::Part> &outputs) {
    Conv1::Pixel rows[Conv1::ABOVE][Conv1::WIDTH];
// A word a pixel, and a memory a row: all rows are read and written in one cycle.
#pragma HLS AGGREGATE variable=rows
#pragma HLS ARRAY_PARTITION variable=rows dim=1 complete
#pragma HLS BIND_STORAGE variable=rows type=ram_s2p impl=lutram
// A column is read again a row later, and that takes longer than the pipeline: no read has to wait for a write.
#pragma HLS DEPENDENCE variable=rows inter false
    window<Conv1>(pixels, outputs, rows);
}

// 6 multipliers, 864 cycles a frame.
inline void conv1(hls::stream<Conv1::Part> &inputs, hls::stream<Conv1::Output> &outputs) {
// A ROM for each PE, all read at once; its words are the SIMD weights of a turn.
#pragma HLS ARRAY_PARTITION variable=conv1_weights dim=1 complete
#pragma HLS ARRAY_RESHAPE variable=conv1_weights dim=3 complete
#pragma HLS BIND_STORAGE variable=conv1_weights type=rom_1p impl=lutram
// A bias is read once a group: few words, a block RAM would be all but empty.
#pragma HLS ARRAY_PARTITION variable=conv1_biases dim=1 complete
#pragma HLS BIND_STORAGE variable=conv1_biases type=rom_1p impl=lutram
    convolution<Conv1>(inputs, outputs, conv1_weights, conv1_biases);
}
