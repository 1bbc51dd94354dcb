#pragma once

// Runs `frames` frames back to back through one instance of the design. Returns the faults of its streams: beats
// of results without the right TKEEP, TSTRB or TLAST, and streams that are not empty at the end.
extern "C" int simulate(const unsigned char *images, int *results, int frames);
