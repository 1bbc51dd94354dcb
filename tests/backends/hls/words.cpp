// word.h on 250 values of 8 bits and of 5, two thousand bits side by side, and counter.h: exit code 0 where all stand where
// they should.
#include "counter.h"

template <int EACH, int BITS>
int faults() {
    const int N = BITS / EACH, HALF = N / 2;
    ap_int<EACH> values[N], again[N];
    for (int place = 0; place < N; place++) values[place] = place % 30 - 15;
    ap_uint<BITS> word;
    pack(values, word);
    unpack(word, again);
    int wrong = 0;
    for (int place = 0; place < N; place++) wrong += again[place] != place % 30 - 15;

    // The first half leaves, and enters again at the top.
    ap_uint<BITS / 2> first;
    shift_out(word, first);
    shift_in(first, word);
    shift_in(first, word);
    unpack(word, again);
    for (int place = 0; place < N; place++) wrong += again[place] != place % HALF % 30 - 15;
    return wrong;
}

template <int END>
int miscounts() {
    Counter<END> counter;
    ap_uint<bits_of(END - 1)> place = 0;
    int wrong = 0, expected = 0;
    for (int turn = 0; turn < 5 * END; turn++) {
        wrong += counter != turn % END || counter.is_last != (turn % END == END - 1) || place != expected;
        wrong += counter.advance() != (turn % END == END - 1);
        const int by = turn % (END + 1);
        go_round<END>(place, by);
        expected = (expected + by) % END;
    }
    return wrong;
}

int main() {
    return miscounts<1>() + miscounts<2>() + miscounts<5>() + miscounts<16>() + miscounts<384>() +
           faults<8, 2000>() + faults<5, 1250>() + faults<8, 16>();
}
