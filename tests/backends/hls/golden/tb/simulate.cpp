// C simulation: the stages run one after the other, each with a whole frame.
#include "frames.h"
#include "testbench.h"

extern "C" int simulate(const unsigned char *images, int *results, int frames) {
    hls::stream<Beat> image_beats("image_beats"), result_beats("result_beats");
    put_images(images, frames, image_beats);
    for (int frame = 0; frame < frames; frame++) small(image_beats, result_beats, TRANSFER);
    const int wrong = take_results(result_beats, frames, results);
    return wrong + !image_beats.empty() + !result_beats.empty();
}
