// A stand-in for AMD's header of the same name: the signals of AXI4-Stream that this design has.
#pragma once

#include "ap_int.h"

namespace hls {

template <typename T, int USER, int ID, int DEST>
struct axis {
    T data;
    ap_uint<4> keep;
    ap_uint<4> strb;
    ap_uint<1> last;
};

}  // namespace hls
