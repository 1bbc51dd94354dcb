// Windows of a convolution: rows are kept until a window is whole; then it goes out column by column, a part a word.
#pragma once

#include "hls_stream.h"
#include "scan.h"
#include "vector.h"

// One turn of the loop is one cycle. A pixel is stored, STORED of its channels a turn; a pixel of the padding takes a turn,
// too. Then, in a row that completes windows, the column that the pixel ends is read again from top to bottom. TURNS is
// the sum of both over a frame.
//
// A column that is part of several windows goes out once: `matrix_vector` keeps it. Only where a part lies across all
// columns of a window (ACROSS > 1) it has values of the columns before, too, and whole windows go out.
//
// The last part of a column may be short of values. It is then filled up by those of the part before, which its weights
// take as zeros.
//
// Nothing is cleared between frames: padding or pixels of the next frame have replaced all old values before a window is
// whole.
template <typename Layer>
void window(hls::stream<typename Layer::Word> &words, hls::stream<typename Layer::Part> &parts,
            typename Layer::Stored (&rows)[Layer::KERNEL_HEIGHT * Layer::WIDTH * Layer::WORDS]) {
#pragma HLS INLINE
    typedef typename Layer::Value Value;
    const int LANES = Layer::Word::SIZE, STORED = Layer::STORED, KERNEL_HEIGHT = Layer::KERNEL_HEIGHT;
    const int ACROSS = Layer::ACROSS, OWN = Layer::Part::SIZE / ACROSS;  // values of a part that are of one column
    const int BETWEEN = Layer::COLUMN * OWN;                       // and how many pass until the next column's stand there
    const bool IS_SHORT = KERNEL_HEIGHT * Layer::CHANNELS % OWN > 0;  // the last part of a column

    Value waiting[LANES];  // of a word that came, what is not stored yet
#pragma HLS ARRAY_PARTITION variable=waiting complete
    Value own[OWN];  // of the newest column, for the next part
#pragma HLS ARRAY_PARTITION variable=own complete
    // Of the columns before it, the oldest first: a shift register.
    Value before[ACROSS > 1 ? (ACROSS - 1) * BETWEEN : OWN];
#pragma HLS ARRAY_PARTITION variable=before complete

    Scan<Layer> scan;
    // The rows stand one behind another and go round: the newest one takes the place of that which no window needs any
    // more. So the word behind the last of a pixel is the first of the next, at the end of a row, too, and a row on is
    // the same pixel of the oldest row. An address that is counted on takes no multiplier, and no other counter.
    const int ROW = Layer::WIDTH * Layer::WORDS, ALL = KERNEL_HEIGHT * ROW, BACK = Layer::WORDS - 1;
    Counter<ALL> address = 0;
    Counter<KERNEL_HEIGHT> y = 0;
    Counter<Layer::WORDS> word = 0;
    Counter<LANES / STORED> stored = 0;
    Counter<OWN / STORED> filled = 0;
    bool is_stored = false;
    for (int turn = 0; turn < Layer::TURNS; turn++) {
#pragma HLS PIPELINE II=1 style=flp
        bool has_ended = false;
        int step;  // of the address
        typename Layer::Stored values;
        if (!is_stored) {
            is_stored = !scan.has_pixel();
            if (scan.has_pixel()) {
                if (stored == 0) {
                    const typename Layer::Word next = words.read();
                    for (int lane = 0; lane < LANES; lane++) waiting[lane] = next.value[lane];
                }
                advance<LANES / STORED>(stored);
                shift_out(waiting, values.value);
                rows[address] = values;
                is_stored = advance<Layer::WORDS>(word);
                step = is_stored && scan.has_column_of_window() ? ROW - BACK : 1;
            } else {
                step = scan.has_column_of_window() ? ROW : scan.has_column() ? Layer::WORDS : 0;
            }
            has_ended = is_stored && !scan.has_column_of_window();
        } else {
            if (scan.has_pixel_above(KERNEL_HEIGHT - 1 - y)) {
                values = rows[address];
            } else {
                for (int lane = 0; lane < STORED; lane++) values.value[lane] = 0;
            }
            shift_in(values.value, own);
            bool is_whole = advance<OWN / STORED>(filled);
            if (IS_SHORT && y == KERNEL_HEIGHT - 1 && word == Layer::WORDS - 1) {
                is_whole = true;
                filled = 0;
            }
            if (is_whole) {
                typename Layer::Part part;
                for (int x = 0; x < ACROSS; x++)
                    for (int lane = 0; lane < OWN; lane++)
                        part.value[x * OWN + lane] = x + 1 < ACROSS ? before[x * BETWEEN + lane] : own[lane];
                if (ACROSS == 1 || scan.has_window()) parts.write(part);
                shift_in(own, before);
            }
            step = 1;
            if (advance<Layer::WORDS>(word)) {
                has_ended = advance<KERNEL_HEIGHT>(y);
                step = !has_ended ? ROW - BACK : scan.has_column() ? 1 : -BACK;
            }
        }
        const int next = int(address) + step;
        address = next < ALL ? next : next - ALL;
        if (has_ended) {
            is_stored = false;
            scan.next();
        }
    }
}
