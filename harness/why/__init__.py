"""Why a training moved: which part of a step does otherwise than its formula."""
