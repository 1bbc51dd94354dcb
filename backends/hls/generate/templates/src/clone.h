// Copies a stream, so that two stages can read it.
#pragma once

#include "hls_stream.h"

template <int WORDS, typename Word>
void clone(hls::stream<Word> &words, hls::stream<Word> &first, hls::stream<Word> &second) {
    for (int turn = 0; turn < WORDS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        const Word word = words.read();
        first.write(word);
        second.write(word);
    }
}
