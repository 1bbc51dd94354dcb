// relu2: ReLU.
#pragma once

#include "../word.h"
#include "../activation.h"
#include "../fixed_point.h"

struct Relu2 {
    static const int PIXELS = 48, CHANNELS = 4;
    // LANES channels a cycle.
    static const int LANES = 2, STEPS = 2;

    typedef ap_int<8> Value;  // ap_fixed<8,3,AP_RND,AP_SAT>
    typedef ap_int<9> Sum;
    typedef ap_uint<8> Result;  // ap_ufixed<8,2,AP_RND,AP_SAT>
    typedef ap_uint<8 * LANES> Word;
    typedef ap_uint<8 * LANES> Output;

    // 5 bits behind the point become ap_ufixed<8,2,AP_RND,AP_SAT>: a ReLU, since nothing below zero is held.
    static Result result(Value value) {
#pragma HLS INLINE
        const Sum sum = value;
        return saturated<Result, 0, 255>(sum << 1);
    }
};
