// add: relu1 + shortcut.
#pragma once

#include "../word.h"
#include "../add.h"
#include "../fixed_point.h"

struct LayerAdd {
    static const int PIXELS = 48, CHANNELS = 4;
    // LANES channels a cycle.
    static const int LANES = 2, STEPS = 2;

    typedef ap_uint<8> LeftValue;  // ap_ufixed<8,2,AP_RND,AP_SAT>
    typedef ap_int<8> RightValue;  // ap_fixed<8,3,AP_RND,AP_SAT>
    typedef ap_int<10> Sum;
    typedef ap_int<8> Result;  // ap_fixed<8,3,AP_RND,AP_SAT>
    typedef ap_uint<8 * LANES> Left;
    typedef ap_uint<8 * LANES> Right;
    typedef ap_uint<8 * LANES> Output;

    // Both with 6 bits behind the point; the sum becomes ap_fixed<8,3,AP_RND,AP_SAT>.
    static Result result(LeftValue left, RightValue right) {
#pragma HLS INLINE
        const Sum sum = Sum(left) + (Sum(right) << 1);
        return saturated<Result, -128, 127>(half_up<1>(sum));
    }
};
