#pragma once

#include "axi_stream.h"

// A frame: 144 bytes in, 5 results out. The next frame may start before this one has ended.
// TLAST comes with the last result of every `transfer` frames.
void small(hls::stream<Beat> &image_beats, hls::stream<Beat> &result_beats, int transfer);
