// C simulation: the stages one after the other, as the function says, each with all of a frame.
#include "frames.h"
#include "testbench.h"

extern "C" void simulate(const unsigned char *images, int *results, int frames) {
    hls::stream<Beat> in("in"), out("out");
    put_images(images, frames, in);
    for (int frame = 0; frame < frames; frame++) small(in, out);
    take_results(out, frames, results);
}
