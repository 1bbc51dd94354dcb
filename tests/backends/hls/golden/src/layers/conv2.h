// conv2: 3x3 convolution, strides 2x2, 4 to 6 channels.
#pragma once

#include "../word.h"
#include "../fixed_point.h"
#include "../matrix_vector.h"
#include "../window.h"
#include "../weights/conv2.h"

struct Conv2 {
    // The image, and the window that slides over it.
    static const int HEIGHT = 3, WIDTH = 4, CHANNELS = 4;
    static const int KERNEL_HEIGHT = 3, KERNEL_WIDTH = 3;
    static const int STRIDE_HEIGHT = 2, STRIDE_WIDTH = 2;
    static const int PAD_TOP = 1, PAD_BOTTOM = 1, PAD_LEFT = 0, PAD_RIGHT = 1;
    // Input words have TAKES values of VALUE_BITS each.
    static const int TAKES = 2, VALUE_BITS = 8;
    // Rows are stored in words of STORED channels.
    static const int STORED = 2, WORDS = 2;
    // A part covers one column; a column has COLUMN parts, and windows use USED columns.
    static const int ACROSS = 1, COLUMN = 3, USED = 5;
    // Values of a part; a word of the windows is one part.
    static const int PART_SIZE = 4, PARTS_TAKEN = 1;
    // Cycles of the window stage.
    static const int TURNS = 97;
    // PE results at a time, SIMD products of each a cycle.
    static const int PE = 3, SIMD = 4;
    static const int STEPS = 9, GROUPS = 2;
    // 2 results share a multiplier; the weights of a turn are BYTES.
    static const int SHARED = 2, UNITS = 2, BYTES = 8;
    static const int WEIGHT_BITS = 8, SHIFT = 17, SIGNS = 65536, IN_LUTS = 0;
    // New of the 9 parts of a window that is not the first of a row.
    static const int FRESH = 6;
    // The output, PUTS results a word.
    static const int PIXELS = 4, COLUMNS = 2, PUTS = 6;

    typedef ap_uint<8> Value;  // ap_ufixed<8,2,AP_RND,AP_SAT>
    typedef ap_int<8> Weight;  // ap_fixed<8,2,AP_RND_CONV,AP_SAT>
    typedef ap_int<25> Factor;  // the weights that share a multiplier
    typedef ap_int<33> Product;
    typedef ap_int<34> Pairs;  // sums of two products
    typedef ap_int<17> Pair;  // of one result
    typedef ap_int<19> Sum;  // every sum that can occur, of ap_fixed<32,20>
    typedef ap_int<8> Result;  // ap_fixed<8,3,AP_RND,AP_SAT>
    typedef short StoredBias;
    typedef ap_uint<8 * SIMD> Part;  // the values that a turn multiplies
    typedef ap_uint<8 * TAKES> Word;  // of the input
    typedef ap_uint<8 * STORED> Stored;
    typedef Part Input;
    typedef ap_uint<8 * PUTS> Output;

    // 12 bits behind the point become ap_fixed<8,3,AP_RND,AP_SAT>.
    static Result result(Sum sum) {
#pragma HLS INLINE
        return saturated<Result, -128, 127>(half_up<7>(sum));
    }
};

// The rows are in LUT RAM.
inline void conv2_window(hls::stream<Conv2::Word> &words, hls::stream<Conv2::Part> &outputs) {
    Conv2::Stored rows[Conv2::KERNEL_HEIGHT * Conv2::WIDTH * Conv2::WORDS];
// One memory for all rows: a turn either reads or writes a word.
#pragma HLS BIND_STORAGE variable=rows type=ram_s2p impl=lutram
    window<Conv2>(words, outputs, rows);
}

// 8 multipliers for 12 products, 72 cycles a frame; weights in LUTs.
inline void conv2(hls::stream<Conv2::Input> &inputs, hls::stream<Conv2::Output> &outputs) {
// A ROM for every 2 PE, all read at once; its words are the weights of a turn.
#pragma HLS ARRAY_PARTITION variable=conv2_weights dim=1 complete
#pragma HLS ARRAY_RESHAPE variable=conv2_weights dim=3 complete
#pragma HLS BIND_STORAGE variable=conv2_weights type=rom_1p impl=lutram
// A bias is read once for each group. These are few words, so a block RAM would be almost empty.
#pragma HLS ARRAY_PARTITION variable=conv2_biases dim=1 complete
#pragma HLS BIND_STORAGE variable=conv2_biases type=rom_1p impl=lutram
    Conv2::Part kept[Conv2::STEPS];
// What comes with the first group of results, for the others: a word a turn.
#pragma HLS BIND_STORAGE variable=kept type=ram_s2p impl=lutram
    matrix_vector<Conv2>(inputs, outputs, conv2_weights, conv2_biases, kept);
}
