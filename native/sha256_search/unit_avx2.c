/* Eight lanes. Compiled with -mavx2; runs only where the processor has it. */
#if defined(__x86_64__)
#define LANES 8
#define SCREEN screen_avx2
#include "lanes.h"
#else
typedef int nothing_here;
#endif
