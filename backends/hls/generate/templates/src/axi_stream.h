// Between AXI4-Stream, 32 bits wide, and the streams of the dataflow.
#pragma once

#include "counter.h"

#include "ap_axi_sdata.h"
#include "hls_stream.h"

typedef hls::axis<ap_uint<32>, 0, 0, 0> Beat;

// A byte a turn: each beat holds four, the lowest first. Pixels follow each other without gaps, and so do their
// channels; a frame begins with a new beat. The design knows the length of a frame and ignores TLAST and TKEEP of the
// input.
template <int BYTES, int BITS>
void receive(hls::stream<Beat> &beats, hls::stream<ap_uint<BITS>> &words) {
    ap_uint<32> data = 0;
    ap_uint<BITS> word = 0;
    Counter<BITS / 8> filled;
    for (int turn = 0; turn < BYTES; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        if (turn % 4 == 0) data = beats.read().data;
        ap_uint<8> byte;
        shift_out(data, byte);
        shift_in(byte, word);
        if (filled.advance()) words.write(word);
    }
}

// One result a turn, in a beat of its own, as a signed integer; `words` hold LANES results. TLAST comes with the last
// result of every `transfer` frames, or of each frame where that is 0 or 1: it ends one transfer of the DMA.
template <int RESULTS, int LANES, typename Result, int BITS>
void send(hls::stream<ap_uint<BITS>> &words, hls::stream<Beat> &beats, int transfer) {
    static int ended = 0;  // frames of the transfer that have ended
#pragma HLS RESET variable=ended
    const bool ends_transfer = ended + 1 >= transfer;
    ended = ends_transfer ? 0 : ended + 1;
    ap_uint<BITS> waiting;
    Counter<LANES> sent;
    for (int turn = 0; turn < RESULTS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        if (sent == 0) waiting = words.read();
        sent.advance();
        ap_uint<BITS / LANES> next;
        shift_out(waiting, next);
        Beat beat;
        beat.data = ap_int<32>(Result(next));
        beat.keep = 15;
        beat.strb = 15;
        beat.last = turn + 1 == RESULTS && ends_transfer;
        beats.write(beat);
    }
}
