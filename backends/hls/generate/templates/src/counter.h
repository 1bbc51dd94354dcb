// Counters as wide as they must be: of an int the compiler may build all 32 bits, its adder and its comparison.
#pragma once

#include "ap_int.h"

constexpr int bits_of(int number) { return number < 2 ? 1 : 1 + bits_of(number / 2); }

// Holds 0 to END - 1.
template <int END>
using Counter = ap_uint<bits_of(END - 1)>;

// Counts on; after END - 1 comes 0. Whether it has come to that.
template <int END, typename Count>
bool advance(Count &count) {
#pragma HLS INLINE
    const bool is_last = count == END - 1;
    if (is_last)
        count = 0;
    else
        count++;
    return is_last;
}
