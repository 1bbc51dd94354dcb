// Counters as wide as they must be: of an int the compiler may build all 32 bits, its adder and its comparison.
#pragma once

#include "word.h"

constexpr int bits_of(int number) { return number < 2 ? 1 : 1 + bits_of(number / 2); }

// Counts 0 to END - 1, and round again. Whether it stands at the last is a register, set a turn ahead: what the next turn
// does depends on it, and a comparison in the turn itself would make that loop longer.
template <int END>
struct Counter {
    ap_uint<bits_of(END - 1)> count = 0;
    bool is_last = END == 1;

    operator int() const { return count; }

    // Counts on. Whether it stood at the last.
    bool advance() {
#pragma HLS INLINE
        const bool was_last = is_last;
        is_last = END == 1 || count == END - 2;
        count = was_last ? 0 : int(count) + 1;
        return was_last;
    }
};

// Moves a place of END on by `by`, 0 to END, and round: an adder each way, and the sign of one of them decides.
template <int END, typename Place>
void go_round(Place &place, int by) {
#pragma HLS INLINE
    const ap_int<bits_of(END) + 2> ahead = int(place) + by, round = int(place) + (by - END);
    place = round < 0 ? ahead : round;
}
