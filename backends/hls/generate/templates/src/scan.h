// A window slides over an image and its padding, pixel by pixel: where its newest pixel stands.
#pragma once

#include "counter.h"

template <typename Layer>
struct Scan {
    static const int ROWS = Layer::PAD_TOP + Layer::HEIGHT + Layer::PAD_BOTTOM;
    static const int COLUMNS = Layer::PAD_LEFT + Layer::WIDTH + Layer::PAD_RIGHT;
    static const int DOWN = Layer::KERNEL_HEIGHT > Layer::STRIDE_HEIGHT ? Layer::KERNEL_HEIGHT : Layer::STRIDE_HEIGHT;
    static const int RIGHT = Layer::KERNEL_WIDTH > Layer::STRIDE_WIDTH ? Layer::KERNEL_WIDTH : Layer::STRIDE_WIDTH;

    // Of the padded image.
    Counter<ROWS> row = 0;
    Counter<COLUMNS> column = 0;
    // How many more the next window needs: counted, since a remainder would take a divider.
    Counter<DOWN> rows_lacking = Layer::KERNEL_HEIGHT - 1;
    Counter<RIGHT> columns_lacking = Layer::KERNEL_WIDTH - 1;

    bool has_column() const { return column >= Layer::PAD_LEFT && column < Layer::PAD_LEFT + Layer::WIDTH; }

    bool has_pixel() const { return has_pixel_above(0); }

    // Whether the pixel so many rows above the newest one is of the image. It is of the padded one.
    bool has_pixel_above(int rows) const {
        return has_column() && row - rows >= Layer::PAD_TOP && row - rows < Layer::PAD_TOP + Layer::HEIGHT;
    }

    bool has_window() const { return rows_lacking == 0 && columns_lacking == 0; }

    // Whether the newest pixel ends a column of a window, in a row that completes windows.
    bool has_column_of_window() const {
        return rows_lacking == 0 && columns_lacking < Layer::KERNEL_WIDTH && column < Layer::USED;
    }

    // Whether a row has ended.
    bool next() {
#pragma HLS INLINE
        const bool was_whole = columns_lacking == 0;
        columns_lacking = was_whole ? Layer::STRIDE_WIDTH - 1 : int(columns_lacking) - 1;
        const bool ends_row = advance<COLUMNS>(column);
        if (ends_row) {
            columns_lacking = Layer::KERNEL_WIDTH - 1;
            rows_lacking = rows_lacking == 0 ? Layer::STRIDE_HEIGHT - 1 : int(rows_lacking) - 1;
            advance<ROWS>(row);
        }
        return ends_row;
    }
};
