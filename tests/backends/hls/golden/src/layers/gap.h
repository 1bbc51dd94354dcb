// gap: the average of 2x2 pixels.
#pragma once

#include "../word.h"
#include "../fixed_point.h"
#include "../global_average_pool.h"

struct Gap {
    static const int PIXELS = 4, CHANNELS = 6;
    // LANES channels a cycle.
    static const int LANES = 6, STEPS = 1;

    typedef ap_int<8> Value;  // ap_fixed<8,3,AP_RND,AP_SAT>
    typedef ap_int<10> Sum;
    typedef ap_int<8> Result;  // ap_fixed<8,3,AP_RND,AP_SAT>
    typedef ap_uint<8 * LANES> Word;
    typedef ap_uint<8 * LANES> Output;

    // A sum of 4 values is their average, with 2 more bits behind the point. It becomes ap_fixed<8,3,AP_RND,AP_SAT>.
    static Result result(Sum sum) {
#pragma HLS INLINE
        return saturated<Result, -128, 127>(half_up<2>(sum));
    }
};
