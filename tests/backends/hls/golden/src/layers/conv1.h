// conv1: 3x3 convolution, 3 to 4 channels and ReLU.
#pragma once

#include "../word.h"
#include "../fixed_point.h"
#include "../matrix_vector.h"
#include "../window.h"
#include "../weights/conv1.h"

struct Conv1 {
    // The image, and the window that slides over it.
    static const int HEIGHT = 6, WIDTH = 8, CHANNELS = 3;
    static const int KERNEL_HEIGHT = 3, KERNEL_WIDTH = 3;
    static const int STRIDE_HEIGHT = 1, STRIDE_WIDTH = 1;
    static const int PAD_TOP = 1, PAD_BOTTOM = 1, PAD_LEFT = 1, PAD_RIGHT = 1;
    // Input words have TAKES values of VALUE_BITS each.
    static const int TAKES = 1, VALUE_BITS = 8;
    // Rows are stored in words of STORED channels.
    static const int STORED = 1, WORDS = 3;
    // A part covers one column; a column has COLUMN parts, and windows use USED columns.
    static const int ACROSS = 1, COLUMN = 5, USED = 10;
    // Values of a part; a word of the windows is one part.
    static const int PART_SIZE = 2, PARTS_TAKEN = 1;
    // Cycles of the window stage.
    static const int TURNS = 716;
    // PE results at a time, SIMD products of each a cycle.
    static const int PE = 2, SIMD = 2;
    static const int STEPS = 15, GROUPS = 2;
    // 2 results share a multiplier; the weights of a turn are BYTES.
    static const int SHARED = 2, UNITS = 1, BYTES = 4;
    static const int WEIGHT_BITS = 8, SHIFT = 17, SIGNS = 65536, IN_LUTS = 0;
    // New of the 15 parts of a window that is not the first of a row.
    static const int FRESH = 5;
    // The output, PUTS results a word.
    static const int PIXELS = 48, COLUMNS = 8, PUTS = 2;

    typedef ap_uint<8> Value;  // ap_ufixed<8,0>
    typedef ap_int<8> Weight;  // ap_fixed<8,2,AP_RND_CONV,AP_SAT>
    typedef ap_int<25> Factor;  // the weights that share a multiplier
    typedef ap_int<33> Product;
    typedef ap_int<34> Pairs;  // sums of two products
    typedef ap_int<17> Pair;  // of one result
    typedef ap_int<19> Sum;  // every sum that can occur, of ap_fixed<32,18>
    typedef ap_uint<8> Result;  // ap_ufixed<8,2,AP_RND,AP_SAT>
    typedef short StoredBias;
    typedef ap_uint<8 * SIMD> Part;  // the values that a turn multiplies
    typedef ap_uint<8 * TAKES> Word;  // of the input
    typedef ap_uint<8 * STORED> Stored;
    typedef Part Input;
    typedef ap_uint<8 * PUTS> Output;

    // 14 bits behind the point become ap_ufixed<8,2,AP_RND,AP_SAT>: a ReLU, since nothing below zero is held.
    static Result result(Sum sum) {
#pragma HLS INLINE
        return saturated<Result, 0, 255>(half_up<8>(sum));
    }
};

// The rows are in LUT RAM.
inline void conv1_window(hls::stream<Conv1::Word> &words, hls::stream<Conv1::Part> &outputs) {
    Conv1::Stored rows[Conv1::KERNEL_HEIGHT * Conv1::WIDTH * Conv1::WORDS];
// One memory for all rows: a turn either reads or writes a word.
#pragma HLS BIND_STORAGE variable=rows type=ram_s2p impl=lutram
    window<Conv1>(words, outputs, rows);
}

// 2 multipliers for 4 products, 1,440 cycles a frame; weights in LUTs.
inline void conv1(hls::stream<Conv1::Input> &inputs, hls::stream<Conv1::Output> &outputs) {
// A ROM for every 2 PE, all read at once; its words are the weights of a turn.
#pragma HLS ARRAY_PARTITION variable=conv1_weights dim=1 complete
#pragma HLS ARRAY_RESHAPE variable=conv1_weights dim=3 complete
#pragma HLS BIND_STORAGE variable=conv1_weights type=rom_1p impl=lutram
// A bias is read once for each group. These are few words, so a block RAM would be almost empty.
#pragma HLS ARRAY_PARTITION variable=conv1_biases dim=1 complete
#pragma HLS BIND_STORAGE variable=conv1_biases type=rom_1p impl=lutram
    Conv1::Part kept[Conv1::STEPS];
// What comes with the first group of results, for the others: a word a turn.
#pragma HLS BIND_STORAGE variable=kept type=ram_s2p impl=lutram
    matrix_vector<Conv1>(inputs, outputs, conv1_weights, conv1_biases, kept);
}
