#pragma once

// Runs `frames` frames back to back through one instance of the design.
extern "C" void simulate(const unsigned char *images, int *results, int frames);
