// What one word of a stream holds, and registers that it is read from and written to, some values at a time.
#pragma once

// Some channels of a pixel, or some values of a window.
template <typename T, int N>
struct Vector {
    static const int SIZE = N;
    T value[N];
};

// Lets the next LANES values in at the end, where all others move up by LANES: after N / LANES times they stand in order,
// and no multiplexer was needed to place them.
template <typename T, int N, int LANES>
void shift_in(const T (&next)[LANES], T (&values)[N]) {
#pragma HLS INLINE
    for (int place = 0; place + LANES < N; place++) values[place] = values[place + LANES];
    for (int lane = 0; lane < LANES; lane++) values[N - LANES + lane] = next[lane];
}

// Takes the first LANES values out, where all others move up by LANES.
template <typename T, int N, int LANES>
void shift_out(T (&values)[N], T (&first)[LANES]) {
#pragma HLS INLINE
    for (int lane = 0; lane < LANES; lane++) first[lane] = values[lane];
    for (int place = 0; place + LANES < N; place++) values[place] = values[place + LANES];
}
