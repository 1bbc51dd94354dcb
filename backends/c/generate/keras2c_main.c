/* Computes a number of images with keras2c's C; writes the largest difference of the results from Keras's to a file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "include/k2c_tensor_include.h"
#include "data.h"

void net(k2c_tensor *image, k2c_tensor *results);

int main(int count, char **words)
{
    float results[RESULTS], worst = 0;
    FILE *file = count == 3 ? fopen(words[2], "w") : NULL;
    if (file == NULL)
        return 2;
    for (int i = 0; i < atoi(words[1]); i++) {
        k2c_tensor given = {images[i], DIMENSIONS, SIZE, SHAPE};
        k2c_tensor taken = {results, 1, RESULTS, {RESULTS, 1, 1, 1, 1}};
        net(&given, &taken);
        for (int k = 0; k < RESULTS; k++)
            worst = fmaxf(worst, fabsf(results[k] - expected[i][k]));
    }
    fprintf(file, "%g\n", (double)worst);
    return fclose(file) != 0;
}
