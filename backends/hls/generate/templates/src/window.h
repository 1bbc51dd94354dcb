// Windows of a convolution. Rows are kept until a window is complete. Then it is put column by column, a part per word.
#pragma once

#include "hls_stream.h"
#include "scan.h"
#include "word.h"

// One turn of the loop is one cycle. A pixel is stored with STORED channels a turn; a pixel of the padding takes one
// turn. Then, in a row that completes windows, the column that ends with this pixel is read again from top to bottom.
// TURNS is the sum of both over a frame.
//
// A column that is part of several windows is put once, and `matrix_vector` keeps it. Only where a part covers all
// columns of a window (ACROSS > 1) does it also hold values of the columns before, and whole windows are put.
//
// The last part of a column may have too few values. It is then filled up with values of the part before, whose weights
// there are zero.
//
// Nothing is cleared between frames: padding or pixels of the next frame have replaced all old values before a window
// is complete.
template <typename Layer>
void window(hls::stream<typename Layer::Word> &words, hls::stream<typename Layer::Part> &parts,
            typename Layer::Stored (&rows)[Layer::KERNEL_HEIGHT * Layer::WIDTH * Layer::WORDS]) {
#pragma HLS INLINE
    const int STORED = Layer::STORED, KERNEL_HEIGHT = Layer::KERNEL_HEIGHT, ACROSS = Layer::ACROSS;
    const int OWN = Layer::PART_SIZE / ACROSS, OWN_BITS = OWN * Layer::VALUE_BITS;  // values of a part that are of one column
    const int BEFORE = (ACROSS - 1) * Layer::COLUMN;
    const bool IS_SHORT = KERNEL_HEIGHT * Layer::CHANNELS % OWN > 0;  // the last part of a column

    typename Layer::Word waiting;  // the values of an input word that are not stored yet
    ap_uint<OWN_BITS> own;         // values of the newest column for the next part
    // The values of earlier columns in parts, the oldest first: a shift register.
    ap_uint<OWN_BITS> before[BEFORE > 0 ? BEFORE : 1];
#pragma HLS ARRAY_PARTITION variable=before complete

    Scan<Layer> scan;
    // The rows form a ring buffer: the newest row replaces the one that no window needs any more. So the word after the
    // last one of a pixel is the first one of the next pixel, also at the end of a row, and the address plus a row is
    // the same pixel of the oldest row. An address that is incremented needs no multiplier and no other counter.
    const int ROW = Layer::WIDTH * Layer::WORDS, ALL = KERNEL_HEIGHT * ROW, BACK = Layer::WORDS - 1;
    ap_uint<bits_of(ALL - 1)> address = 0;
    Counter<KERNEL_HEIGHT> y;
    Counter<Layer::WORDS> word;
    Counter<Layer::TAKES / STORED> stored;
    Counter<OWN / STORED> filled;
    // What a turn does depends on these two, on `scan`, and on whether `word` and `y` are at their last value. All are
    // registers set by the turn before, so that the path from one turn to the next is short.
    bool is_stored = false, ends_column = scan.begins_with_column_of_window();
    for (int turn = 0; turn < Layer::TURNS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        bool has_ended;
        int step;  // of the address
        typename Layer::Stored values;
        if (!is_stored) {
            bool is_last = true;
            if (scan.has_pixel()) {
                if (stored == 0) waiting = words.read();
                stored.advance();
                shift_out(waiting, values);
                rows[address] = values;
                is_last = word.advance();
                step = is_last && ends_column ? ROW - BACK : 1;
            } else {
                step = ends_column ? ROW : scan.has_column() ? Layer::WORDS : 0;
            }
            has_ended = is_last && !ends_column;
            is_stored = is_last && ends_column;
        } else {
            values = 0;
            if (scan.has_pixel_above(KERNEL_HEIGHT - 1 - y)) values = rows[address];
            shift_in(values, own);
            bool is_whole = filled.advance();
            if (IS_SHORT && y.is_last && word.is_last) {
                is_whole = true;
                filled = Counter<OWN / STORED>();
            }
            if (is_whole) {
                typename Layer::Part part;
                for (int x = 0; x + 1 < ACROSS; x++)
                    part.range(x * OWN_BITS + OWN_BITS - 1, x * OWN_BITS) = before[x * Layer::COLUMN];
                part.range(ACROSS * OWN_BITS - 1, ACROSS * OWN_BITS - OWN_BITS) = own;
                if (ACROSS == 1 || scan.has_window()) parts.write(part);
                const ap_uint<OWN_BITS> newest[1] = {own};
                shift_in(newest, before);
            }
            has_ended = false;
            step = 1;
            if (word.advance()) {
                has_ended = y.advance();
                step = !has_ended ? ROW - BACK : scan.has_column() ? 1 : ALL - BACK;
            }
            is_stored = !has_ended;
        }
        go_round<ALL>(address, step);
        if (has_ended) {
            ends_column = scan.next_ends_column_of_window();
            scan.next();
        }
    }
}
