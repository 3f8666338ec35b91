/* For every processor: four lanes, which any compiler can map to what there is. */
#define LANES 4
#define SCREEN screen_portable
#include "lanes.h"
