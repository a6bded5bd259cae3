/* Classifies handwritten digits with the library that adze made from
 * digits.onnx, and says how many are right. The same program runs on a host and
 * on a Cortex-M4 in QEMU (semihosting gives it files and a console).
 *
 * usage: classify DIGITS.bin PREDICTIONS.bin
 *
 * DIGITS.bin:      for each digit 64 pixels of 0 to 16, row by row, and then
 *                  the digit that it is: 65 bytes
 * PREDICTIONS.bin: for each digit the 10 probabilities, float32
 *
 * A Cortex-M4 has no command line: there the names are digits.bin and
 * predictions.bin in the folder that QEMU was started in.
 */
#include "digits.h"

#include <stdint.h>
#include <stdio.h>

enum { PIXELS = DIGITS_IMAGE_ELEMENTS, CLASSES = DIGITS_PROBABILITIES_ELEMENTS };

/* The working memory: static, as on any microcontroller. C99 cannot ask for an
 * alignment, so there is room to choose an aligned start. */
static unsigned char memory[DIGITS_ARENA_SIZE + DIGITS_ARENA_ALIGN];

static int largest(const float *values) {
  int best = 0;
  for (int i = 1; i < CLASSES; ++i) {
    if (values[i] > values[best]) {
      best = i;
    }
  }
  return best;
}

int main(int argc, char **argv) {
  uintptr_t misplaced = (uintptr_t)memory % DIGITS_ARENA_ALIGN;
  void *arena = memory + (DIGITS_ARENA_ALIGN - misplaced) % DIGITS_ARENA_ALIGN;
  FILE *digits = fopen(argc > 1 ? argv[1] : "digits.bin", "rb");
  FILE *predictions = fopen(argc > 2 ? argv[2] : "predictions.bin", "wb");
  if (digits == NULL || predictions == NULL) {
    fprintf(stderr, "classify: cannot open the digits or write the predictions\n");
    return 1;
  }

  unsigned char record[PIXELS + 1];
  int count = 0, right = 0;
  while (fread(record, sizeof record, 1, digits) == 1) {
    float image[PIXELS], probabilities[CLASSES];
    for (int i = 0; i < PIXELS; ++i) {
      image[i] = (float)record[i] / 16.0f;
    }
    int status = digits_run(image, probabilities, arena, DIGITS_ARENA_SIZE);
    if (status != DIGITS_OK) {
      fprintf(stderr, "classify: %s\n", digits_status_text(status));
      return 1;
    }
    right += largest(probabilities) == record[PIXELS];
    ++count;
    if (fwrite(probabilities, sizeof probabilities, 1, predictions) != 1) {
      fprintf(stderr, "classify: cannot write the predictions\n");
      return 1;
    }
  }
  if (fclose(predictions) != 0 || count == 0) {
    fprintf(stderr, "classify: no digits, or no room for the predictions\n");
    return 1;
  }
  printf("%d of %d right\n", right, count);
  return 0;
}
