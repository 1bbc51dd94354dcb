// shortcut: 1x1 convolution, 3 to 4 channels.
#pragma once

#include "../word.h"
#include "../fixed_point.h"
#include "../matrix_vector.h"
#include "../weights/shortcut.h"

struct Shortcut {
    // Input words have TAKES values of VALUE_BITS each: PARTS_TAKEN parts.
    static const int TAKES = 1, VALUE_BITS = 8, PARTS_TAKEN = 1;
    // PE results at a time, SIMD products of each a cycle.
    static const int PE = 1, SIMD = 1;
    static const int STEPS = 3, GROUPS = 4;
    // Each result has multipliers of its own; the weights of a turn are BYTES.
    static const int SHARED = 1, UNITS = 1, BYTES = 1;
    static const int WEIGHT_BITS = 8, SHIFT = 17, SIGNS = 0, IN_LUTS = 0;
    // All values are new.
    static const int FRESH = 3;
    // The output, PUTS results a word.
    static const int PIXELS = 48, COLUMNS = 8, PUTS = 2;

    typedef ap_uint<8> Value;  // ap_ufixed<8,0>
    typedef ap_int<8> Weight;  // ap_fixed<8,1,AP_RND_CONV,AP_SAT>
    typedef ap_int<8> Factor;
    typedef ap_int<16> Product;
    typedef ap_int<17> Pairs;  // sums of two products
    typedef ap_int<17> Pair;  // of one result
    typedef ap_int<17> Sum;  // every sum that can occur, of ap_fixed<32,17>
    typedef ap_int<8> Result;  // ap_fixed<8,3,AP_RND,AP_SAT>
    typedef int StoredBias;
    typedef ap_uint<8 * SIMD> Part;  // the values that a turn multiplies
    typedef ap_uint<8 * TAKES> Input;
    typedef ap_uint<8 * PUTS> Output;

    // 15 bits behind the point become ap_fixed<8,3,AP_RND,AP_SAT>.
    static Result result(Sum sum) {
#pragma HLS INLINE
        return saturated<Result, -128, 127>(half_up<10>(sum));
    }
};

// 1 multiplier, 576 cycles a frame; weights in LUTs.
inline void shortcut(hls::stream<Shortcut::Input> &inputs, hls::stream<Shortcut::Output> &outputs) {
// A ROM for each PE, all read at once; its words are the weights of a turn.
#pragma HLS ARRAY_PARTITION variable=shortcut_weights dim=1 complete
#pragma HLS ARRAY_RESHAPE variable=shortcut_weights dim=3 complete
#pragma HLS BIND_STORAGE variable=shortcut_weights type=rom_1p impl=lutram
// A bias is read once for each group. These are few words, so a block RAM would be almost empty.
#pragma HLS ARRAY_PARTITION variable=shortcut_biases dim=1 complete
#pragma HLS BIND_STORAGE variable=shortcut_biases type=rom_1p impl=lutram
    Shortcut::Part kept[Shortcut::STEPS];
// What comes with the first group of results, for the others: a word a turn.
#pragma HLS BIND_STORAGE variable=kept type=ram_s2p impl=lutram
    matrix_vector<Shortcut>(inputs, outputs, shortcut_weights, shortcut_biases, kept);
}
