// Compares the results of the design with those of the exact reference, integer by integer.
// usage: testbench [FRAMES], all by default
#include "frames.h"
#include "testbench.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "vectors.h"

int main(int argc, char **argv) {
    const int asked = argc > 1 ? std::atoi(argv[1]) : FRAMES;
    const int frames = asked > 0 && asked < FRAMES ? asked : FRAMES;
    std::vector<int> results(frames * RESULTS);
    const int faults = simulate(images, results.data(), frames);
    int wrong = 0;
    for (int frame = 0; frame < frames; frame++) {
        for (int place = 0; place < RESULTS; place++) {
            const int made = results[frame * RESULTS + place], meant = expected[frame * RESULTS + place];
            if (made != meant) {
                std::printf("frame %d, result %d: %d, not %d\n", frame, place, made, meant);
                wrong++;
            }
        }
    }
    const bool passed = wrong == 0 && faults == 0;
    const char *verdict = passed ? "PASS" : "FAIL";
    std::printf("%s: %d frames, %d wrong results, %d faults of the streams\n", verdict, frames, wrong, faults);
    return passed ? 0 : 1;
}
