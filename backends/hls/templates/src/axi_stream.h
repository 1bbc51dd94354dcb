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
template <int PIXELS, typename Pixel>
void receive(hls::stream<Beat> &beats, hls::stream<Pixel> &pixels) {
    ap_uint<8> bytes[Pixel::SIZE];
#pragma HLS ARRAY_PARTITION variable=bytes complete
    ap_uint<32> data = 0;
    Counter<Pixel::SIZE> channel = 0;
    for (int turn = 0; turn < PIXELS * Pixel::SIZE; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        data = turn % 4 == 0 ? beats.read().data : ap_uint<32>(data >> 8);
        const ap_uint<8> next[1] = {ap_uint<8>(data)};
        shift_in(next, bytes);
        if (advance<Pixel::SIZE>(channel)) {
            Pixel pixel;
            for (int place = 0; place < Pixel::SIZE; place++) pixel.value[place] = bytes[place];
            pixels.write(pixel);
        }
    }
}

// A result a turn, each in a beat of its own, as a signed integer; TLAST goes with the last one of the frame.
template <typename Results>
void send(hls::stream<Results> &results, hls::stream<Beat> &beats) {
    ap_int<32> waiting[Results::SIZE];
#pragma HLS ARRAY_PARTITION variable=waiting complete
    for (int turn = 0; turn < Results::SIZE; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        if (turn == 0) {
            const Results result = results.read();
            for (int place = 0; place < Results::SIZE; place++) waiting[place] = result.value[place];
        }
        Beat beat;
        beat.data = waiting[0];
        beat.keep = 15;
        beat.strb = 15;
        beat.last = turn + 1 == Results::SIZE;
        beats.write(beat);
        for (int place = 0; place + 1 < Results::SIZE; place++) waiting[place] = waiting[place + 1];
    }
}
