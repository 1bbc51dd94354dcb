// small for xc7z020clg400-1 at 10 ns: 6,654 products a frame.
// Each stage below is a process; all run concurrently, connected by FIFOs.
// All loops are pipelines with an initiation interval of 1 (II=1) that flush (style=flp): data in them moves on while
// they wait for input. A stalling pipeline would hold its data, and two branches that join could wait for each other
// for ever.
#include "top.h"

#include "clone.h"
#include "layers/conv1.h"
#include "layers/shortcut.h"
#include "layers/layer_add.h"
#include "layers/relu2.h"
#include "layers/pool.h"
#include "layers/conv2.h"
#include "layers/gap.h"
#include "layers/dense.h"

void small(hls::stream<Beat> &image_beats, hls::stream<Beat> &result_beats, int transfer) {
#pragma HLS INTERFACE axis port=image_beats
#pragma HLS INTERFACE axis port=result_beats
// Started over AXI4-Lite, once for each frame or, with auto-restart, once for all frames.
#pragma HLS INTERFACE s_axilite port=return
#pragma HLS INTERFACE s_axilite port=transfer
#pragma HLS DATAFLOW

    hls::stream<ap_uint<8 * 1>, 16> image("image");
#pragma HLS BIND_STORAGE variable=image type=fifo impl=srl
    receive<144>(image_beats, image);

    hls::stream<ap_uint<8 * 1>, 16> image_to_conv1("image_to_conv1");
#pragma HLS BIND_STORAGE variable=image_to_conv1 type=fifo impl=srl
    hls::stream<ap_uint<8 * 1>, 65> image_to_shortcut("image_to_shortcut");
#pragma HLS BIND_STORAGE variable=image_to_shortcut type=fifo impl=srl
    clone<144>(image, image_to_conv1, image_to_shortcut);

    // conv1: 3x3 convolution, 3 to 4 channels and ReLU; PE x SIMD 2x2.
    hls::stream<ap_uint<8 * 2>, 16> conv1_windows("conv1_windows");
#pragma HLS BIND_STORAGE variable=conv1_windows type=fifo impl=srl
    conv1_window(image_to_conv1, conv1_windows);

    hls::stream<ap_uint<8 * 2>, 16> relu1_out("relu1_out");
#pragma HLS BIND_STORAGE variable=relu1_out type=fifo impl=srl
    conv1(conv1_windows, relu1_out);

    // shortcut: 1x1 convolution, 3 to 4 channels; PE x SIMD 1x1.
    hls::stream<ap_uint<8 * 2>, 16> shortcut_out("shortcut_out");
#pragma HLS BIND_STORAGE variable=shortcut_out type=fifo impl=srl
    shortcut(image_to_shortcut, shortcut_out);

    // add: relu1 + shortcut; 2 channels a cycle.
    hls::stream<ap_uint<8 * 2>, 16> layer_add_out("layer_add_out");
#pragma HLS BIND_STORAGE variable=layer_add_out type=fifo impl=srl
    add<LayerAdd>(relu1_out, shortcut_out, layer_add_out);

    // relu2: ReLU; 2 channels a cycle.
    hls::stream<ap_uint<8 * 2>, 16> relu2_out("relu2_out");
#pragma HLS BIND_STORAGE variable=relu2_out type=fifo impl=srl
    activation<Relu2>(layer_add_out, relu2_out);

    // pool: the largest of 2x2, 6x8 to 3x4 pixels; 2 channels a cycle.
    hls::stream<ap_uint<8 * 2>, 16> pool_out("pool_out");
#pragma HLS BIND_STORAGE variable=pool_out type=fifo impl=srl
    pool(relu2_out, pool_out);

    // conv2: 3x3 convolution, strides 2x2, 4 to 6 channels; PE x SIMD 3x4.
    hls::stream<ap_uint<8 * 4>, 16> conv2_windows("conv2_windows");
#pragma HLS BIND_STORAGE variable=conv2_windows type=fifo impl=srl
    conv2_window(pool_out, conv2_windows);

    hls::stream<ap_uint<8 * 6>, 16> conv2_out("conv2_out");
#pragma HLS BIND_STORAGE variable=conv2_out type=fifo impl=srl
    conv2(conv2_windows, conv2_out);

    // gap: the average of 2x2 pixels; 6 channels a cycle.
    hls::stream<ap_uint<8 * 6>, 16> gap_out("gap_out");
#pragma HLS BIND_STORAGE variable=gap_out type=fifo impl=srl
    global_average_pool<Gap>(conv2_out, gap_out);

    // dense: dense, 6 to 5; PE x SIMD 2x2.
    hls::stream<ap_uint<32 * 5>, 16> dense_out("dense_out");
#pragma HLS BIND_STORAGE variable=dense_out type=fifo impl=srl
    dense(gap_out, dense_out);

    send<5, 5, ap_int<32>>(dense_out, result_beats, transfer);
}
