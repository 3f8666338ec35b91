/* Sixteen lanes. Compiled with -mavx512f; runs only where the processor has it. */
#if defined(__x86_64__)
#define LANES 16
#define SCREEN screen_avx512
#include "lanes.h"
#else
typedef int nothing_here;
#endif
