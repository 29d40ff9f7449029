"""Environment variables that decide the bits of a result: taken out of the way, or told in the fingerprint.

Nobody sets those of ``NEUTRALISED`` for the sake of a reproducibility check: left over from other work, they would give
every result another precision, number of epochs or random stream, or make a training that diverges fail. All others of
the libraries' own prefixes are left alone and told, but for those that only log, cache, or choose a device, which the
fingerprint names anyway. NumPy's BLAS takes no part in a training.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Container, Mapping, MutableMapping

from harness.training.backends import NAMES, named

NEUTRALISED = {
    "keras": ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED"),
    **{name: named(name).facts.neutralised for name in NAMES},
}
"""By the package that reads them when it is imported."""

TOLD = re.compile("(CUBLAS|CUDNN|DNNL|JAX|KERAS|KMP|LIBTPU|MKL|NPY|OMP|ONEDNN|TF|TORCH|XLA)_.+|NVIDIA_TF32_OVERRIDE")
HARMLESS = re.compile(
    "KERAS_(BACKEND|HOME)"
    "|JAX_(PLATFORMS|PLATFORM_NAME|CUDA_VISIBLE_DEVICES|ROCM_VISIBLE_DEVICES|CAPTURED_CONSTANTS_.*|COORDINATOR_.*)"
    "|JAX_(.*CACHE.*|.*LOG.*|.*DUMP.*|.*TRACEBACK.*|.*LEAK.*)"
    "|TF_(CPP_.*|FORCE_GPU_ALLOW_GROWTH|GPU_ALLOCATOR|ENABLE_GPU_GARBAGE_COLLECTION|DUMP_.*)"
    "|XLA_(PYTHON_CLIENT_.*|CLIENT_MEM_FRACTION)"
    "|(CUBLAS|CUDNN)_LOG.*|CUDNN_FRONTEND_LOG.*|(DNNL|ONEDNN|MKL)_VERBOSE|KMP_(WARNINGS|DUPLICATE_LIB_OK)"
    "|TORCH_(HOME|LOGS|SHOW_.*|EXTENSIONS_DIR|CUDA_ARCH_LIST)|NPY_(DISTUTILS_.*|NUM_BUILD_JOBS)"
    "|OMP_(DISPLAY_.*|TOOL.*)"
)


def neutralise(environ: MutableMapping[str, str], imported: Container[str] = sys.modules) -> None:
    """Removes what would change results from this process's environment; too late for a package in ``imported``."""
    for package, names in NEUTRALISED.items():
        if package not in imported:
            for name in names:
                environ.pop(name, None)


def told(environ: Mapping[str, str], backend: str) -> dict[str, str]:
    """The variables that are set, not empty, and may change a result of this backend, by name; most often none."""
    others = tuple(named(name).facts.prefix for name in NAMES if name != backend)
    return {
        name: " ".join(value.split()).encode("utf-8", "backslashreplace").decode()
        for name, value in sorted(environ.items())
        if value.strip() and TOLD.fullmatch(name) and not HARMLESS.fullmatch(name) and not name.startswith(others)
    }
