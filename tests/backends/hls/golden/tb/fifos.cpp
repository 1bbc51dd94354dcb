// C simulation of the dataflow: all stages run concurrently, as in hardware, between FIFOs of their real depths. It
// ends with the right results or reports a deadlock, and prints the most words that each FIFO held.
#include <cstdlib>

#include "frames.h"
#include "clone.h"
#include "layers/conv1.h"
#include "layers/shortcut.h"
#include "layers/layer_add.h"
#include "layers/relu2.h"
#include "layers/pool.h"
#include "layers/conv2.h"
#include "layers/gap.h"
#include "layers/dense.h"
#include "testbench.h"

extern "C" int simulate(const unsigned char *images, int *results, int frames) {
    hls::stream<Beat> image_beats("image_beats"), result_beats("result_beats");
    hls::stream<ap_uint<8 * 1>, 16> image("image");
    hls::stream<ap_uint<8 * 1>, 16> image_to_conv1("image_to_conv1");
    hls::stream<ap_uint<8 * 1>, 65> image_to_shortcut("image_to_shortcut");
    hls::stream<ap_uint<8 * 2>, 16> conv1_windows("conv1_windows");
    hls::stream<ap_uint<8 * 2>, 16> relu1_out("relu1_out");
    hls::stream<ap_uint<8 * 2>, 16> shortcut_out("shortcut_out");
    hls::stream<ap_uint<8 * 2>, 16> layer_add_out("layer_add_out");
    hls::stream<ap_uint<8 * 2>, 16> relu2_out("relu2_out");
    hls::stream<ap_uint<8 * 2>, 16> pool_out("pool_out");
    hls::stream<ap_uint<8 * 4>, 16> conv2_windows("conv2_windows");
    hls::stream<ap_uint<8 * 6>, 16> conv2_out("conv2_out");
    hls::stream<ap_uint<8 * 6>, 16> gap_out("gap_out");
    hls::stream<ap_uint<32 * 5>, 16> dense_out("dense_out");
    put_images(images, frames, image_beats);
    const int transfer = TRANSFER;

    dataflow::Stages stages(frames);
    stages.add("receive conv1", [&] { receive<144>(image_beats, image); });
    stages.add("clone conv1", [&] { clone<144>(image, image_to_conv1, image_to_shortcut); });
    stages.add("window conv1", [&] { conv1_window(image_to_conv1, conv1_windows); });
    stages.add("matrix_vector conv1", [&] { conv1(conv1_windows, relu1_out); });
    stages.add("matrix_vector shortcut", [&] { shortcut(image_to_shortcut, shortcut_out); });
    stages.add("add layer_add", [&] { add<LayerAdd>(relu1_out, shortcut_out, layer_add_out); });
    stages.add("relu relu2", [&] { activation<Relu2>(layer_add_out, relu2_out); });
    stages.add("maxpool2d pool", [&] { pool(relu2_out, pool_out); });
    stages.add("window conv2", [&] { conv2_window(pool_out, conv2_windows); });
    stages.add("matrix_vector conv2", [&] { conv2(conv2_windows, conv2_out); });
    stages.add("global_average_pool gap", [&] { global_average_pool<Gap>(conv2_out, gap_out); });
    stages.add("matrix_vector dense", [&] { dense(gap_out, dense_out); });
    stages.add("send dense", [&] { send<5, 5, ap_int<32>>(dense_out, result_beats, transfer); });
    if (!stages.run()) std::exit(1);

    const int wrong = take_results(result_beats, frames, results);
    image.print();
    image_to_conv1.print();
    image_to_shortcut.print();
    conv1_windows.print();
    relu1_out.print();
    shortcut_out.print();
    layer_add_out.print();
    relu2_out.print();
    pool_out.print();
    conv2_windows.print();
    conv2_out.print();
    gap_out.print();
    dense_out.print();
    return wrong + !image_beats.empty() + !result_beats.empty();
}
