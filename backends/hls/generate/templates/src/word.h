// Words of several values, as plain integers: a stream or a memory is as wide as its word, and no pragma has to pack an
// array into a word. The first value is in the lowest bits. All operations here are only wires.
#pragma once

// AMD's header allows at most 1,024 bits by default.
#define AP_INT_MAX_W 4096
#include "ap_int.h"

// The values of a word.
template <int BITS, typename Value, int N>
void unpack(const ap_uint<BITS> &word, Value (&values)[N]) {
#pragma HLS INLINE
    const int EACH = BITS / N;
    for (int place = 0; place < N; place++) values[place] = word.range(place * EACH + EACH - 1, place * EACH);
}

// The word of these values.
template <int BITS, typename Value, int N>
void pack(const Value (&values)[N], ap_uint<BITS> &word) {
#pragma HLS INLINE
    const int EACH = BITS / N;
    for (int place = 0; place < N; place++) word.range(place * EACH + EACH - 1, place * EACH) = values[place];
}

// Takes the lowest bits out of a word; all others move down.
template <int BITS, int TAKEN>
void shift_out(ap_uint<BITS> &word, ap_uint<TAKEN> &first) {
#pragma HLS INLINE
    first = word.range(TAKEN - 1, 0);
    if (TAKEN < BITS) word = word.range(BITS - 1, TAKEN);
}

// Puts `next` in at the top of a word; all others move down. Once the word is full the values are in order, and no
// multiplexer was needed.
template <int BITS, int ADDED>
void shift_in(const ap_uint<ADDED> &next, ap_uint<BITS> &word) {
#pragma HLS INLINE
    if (ADDED < BITS) word = word.range(BITS - 1, ADDED);
    word.range(BITS - 1, BITS - ADDED) = next;
}

// The same with registers of values, LANES at a time.
template <typename T, int N, int LANES>
void shift_in(const T (&next)[LANES], T (&values)[N]) {
#pragma HLS INLINE
    for (int place = 0; place + LANES < N; place++) values[place] = values[place + LANES];
    for (int lane = 0; lane < LANES; lane++) values[N - LANES + lane] = next[lane];
}
