// Between AXI4-Stream, 32 bits wide, and the streams of the dataflow.
#pragma once

#include "ap_axi_sdata.h"
#include "ap_int.h"
#include "counter.h"
#include "hls_stream.h"
#include "vector.h"

typedef hls::axis<ap_uint<32>, 0, 0, 0> Beat;

// A byte a turn: each beat holds four, the lowest first. Pixels follow each other without gaps, and so do their channels;
// a frame begins with a new beat. The design knows how long a frame is: TLAST and TKEEP of the input are not looked at.
template <int BYTES, typename Word>
void receive(hls::stream<Beat> &beats, hls::stream<Word> &words) {
    ap_uint<8> bytes[Word::SIZE];
#pragma HLS ARRAY_PARTITION variable=bytes complete
    ap_uint<32> data = 0;
    Counter<Word::SIZE> filled = 0;
    for (int turn = 0; turn < BYTES; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        data = turn % 4 == 0 ? beats.read().data : ap_uint<32>(data >> 8);
        const ap_uint<8> next[1] = {ap_uint<8>(data)};
        shift_in(next, bytes);
        if (advance<Word::SIZE>(filled)) {
            Word word;
            for (int place = 0; place < Word::SIZE; place++) word.value[place] = bytes[place];
            words.write(word);
        }
    }
}

// A result a turn, each in a beat of its own, as a signed integer. TLAST goes with the last one of every `transfer` frames,
// or of each frame where that is 0 or 1: so much can one transfer of a DMA take.
template <int RESULTS, typename Word>
void send(hls::stream<Word> &words, hls::stream<Beat> &beats, int transfer) {
    static int ended = 0;  // frames of the transfer that have ended
#pragma HLS RESET variable=ended
    const bool ends_transfer = ended + 1 >= transfer;
    ended = ends_transfer ? 0 : ended + 1;
    ap_int<32> waiting[Word::SIZE];
#pragma HLS ARRAY_PARTITION variable=waiting complete
    Counter<Word::SIZE> sent = 0;
    for (int turn = 0; turn < RESULTS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        if (sent == 0) {
            const Word word = words.read();
            for (int place = 0; place < Word::SIZE; place++) waiting[place] = word.value[place];
        }
        advance<Word::SIZE>(sent);
        ap_int<32> result[1];
        shift_out(waiting, result);
        Beat beat;
        beat.data = result[0];
        beat.keep = 15;
        beat.strb = 15;
        beat.last = turn + 1 == RESULTS && ends_transfer;
        beats.write(beat);
    }
}
