// Counters of the least width: for an int, the compiler may build an adder and a comparison of all 32 bits.
#pragma once

#include "word.h"

constexpr int bits_of(int number) { return number < 2 ? 1 : 1 + bits_of(number / 2); }

// Counts from 0 to END - 1 and wraps. Whether it is at its last value is a register set one turn ahead: the next turn
// depends on it, and a comparison in the turn itself would lengthen that path.
template <int END>
struct Counter {
    ap_uint<bits_of(END - 1)> count = 0;
    bool is_last = END == 1;

    operator int() const { return count; }

    // Counts on; returns whether it was at its last value.
    bool advance() {
#pragma HLS INLINE
        const bool was_last = is_last;
        is_last = END == 1 || count == END - 2;
        count = was_last ? 0 : int(count) + 1;
        return was_last;
    }
};

// Advances a place below END by `by` (0 to END) and wraps: two adders, and the sign of one of them selects.
template <int END, typename Place>
void go_round(Place &place, int by) {
#pragma HLS INLINE
    const ap_int<bits_of(END) + 2> ahead = int(place) + by, round = int(place) + (by - END);
    place = round < 0 ? ahead : round;
}
