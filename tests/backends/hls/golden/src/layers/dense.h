// dense: dense, 6 to 5.
#pragma once

#include "../word.h"
#include "../matrix_vector.h"
#include "../weights/dense.h"

struct Dense {
    // Input words have TAKES values of VALUE_BITS each: PARTS_TAKEN parts.
    static const int TAKES = 6, VALUE_BITS = 8, PARTS_TAKEN = 3;
    // PE results at a time, SIMD products of each a cycle.
    static const int PE = 2, SIMD = 2;
    static const int STEPS = 3, GROUPS = 3;
    // 2 results share a multiplier; the weights of a turn are BYTES.
    static const int SHARED = 2, UNITS = 1, BYTES = 4;
    static const int WEIGHT_BITS = 8, SHIFT = 17, SIGNS = 65536, IN_LUTS = 0;
    // All values are new.
    static const int FRESH = 3;
    // The output, PUTS results a word.
    static const int PIXELS = 1, COLUMNS = 1, PUTS = 5;

    typedef ap_int<8> Value;  // ap_fixed<8,3,AP_RND,AP_SAT>
    typedef ap_int<8> Weight;  // ap_fixed<8,2,AP_RND_CONV,AP_SAT>
    typedef ap_int<25> Factor;  // the weights that share a multiplier
    typedef ap_int<33> Product;
    typedef ap_int<34> Pairs;  // sums of two products
    typedef ap_int<17> Pair;  // of one result
    typedef ap_int<16> Sum;  // every sum that can occur, of ap_fixed<32,21>
    typedef ap_int<32> Result;  // ap_fixed<32,21>
    typedef short StoredBias;
    typedef ap_uint<8 * SIMD> Part;  // the values that a turn multiplies
    typedef ap_uint<8 * TAKES> Input;
    typedef ap_uint<32 * PUTS> Output;

    // 11 bits behind the point become ap_fixed<32,21>.
    static Result result(Sum sum) {
#pragma HLS INLINE
        return sum;
    }
};

// 2 multipliers for 4 products, 9 cycles a frame; weights in LUTs.
inline void dense(hls::stream<Dense::Input> &inputs, hls::stream<Dense::Output> &outputs) {
// A ROM for every 2 PE, all read at once; its words are the weights of a turn.
#pragma HLS ARRAY_PARTITION variable=dense_weights dim=1 complete
#pragma HLS ARRAY_RESHAPE variable=dense_weights dim=3 complete
#pragma HLS BIND_STORAGE variable=dense_weights type=rom_1p impl=lutram
// A bias is read once for each group. These are few words, so a block RAM would be almost empty.
#pragma HLS ARRAY_PARTITION variable=dense_biases dim=1 complete
#pragma HLS BIND_STORAGE variable=dense_biases type=rom_1p impl=lutram
    Dense::Part kept[Dense::STEPS];
// What comes with the first group of results, for the others: a word a turn.
#pragma HLS BIND_STORAGE variable=kept type=ram_s2p impl=lutram
    matrix_vector<Dense>(inputs, outputs, dense_weights, dense_biases, kept);
}
