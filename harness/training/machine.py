"""What of the machine changes the bits of a result: the processor, and environment variables.

Each variable is either removed, or reported in the fingerprint.

The variables of ``NEUTRALISED`` are removed. They are left over from other work, and would change the precision, the
number of epochs or the random stream of every result, or stop a training that diverges. All other variables with the
libraries' prefixes are reported, except those that only log, cache or choose a device (the fingerprint names the
device). Variables of NumPy's BLAS are not reported, because no training uses it.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Container, Mapping, MutableMapping
from pathlib import Path

from harness.training.backends import NAMES, named

_FACTS = {name: named(name).facts for name in NAMES}

NEUTRALISED = {
    "keras": ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED"),
    **{name: facts.neutralised for name, facts in _FACTS.items()},
}
"""By package: the variables that it reads when it is imported."""
REPORTED = re.compile(
    "(CUBLAS|CUDNN|DNNL|KERAS|KMP|LIBTPU|MKL|NPY|OMP|ONEDNN|XLA)_.+|NVIDIA_TF32_OVERRIDE|"
    + "|".join(f"{facts.prefix}.+" for facts in _FACTS.values())
)
HARMLESS = re.compile(
    "KERAS_(BACKEND|HOME)|XLA_(PYTHON_CLIENT_.*|CLIENT_MEM_FRACTION)"
    "|(CUBLAS|CUDNN)_LOG.*|CUDNN_FRONTEND_LOG.*|(DNNL|ONEDNN|MKL)_VERBOSE|KMP_(WARNINGS|DUPLICATE_LIB_OK)"
    "|NPY_(DISTUTILS_.*|NUM_BUILD_JOBS)|OMP_(DISPLAY_.*|TOOL.*)|"
    + "|".join(facts.harmless for facts in _FACTS.values())
)


def neutralise(environ: MutableMapping[str, str], imported: Container[str] = sys.modules) -> None:
    """Removes the variables of NEUTRALISED from ``environ``, except those of packages that are already imported."""
    for package, names in NEUTRALISED.items():
        if package not in imported:
            for name in names:
                environ.pop(name, None)


def reported(environ: Mapping[str, str], backend: str) -> dict[str, str]:
    """By name, the variables in ``environ`` that are not empty and may change a result of this backend."""
    others = tuple(facts.prefix for name, facts in _FACTS.items() if name != backend)
    return {
        name: " ".join(value.split()).encode("utf-8", "backslashreplace").decode()
        for name, value in sorted(environ.items())
        if value.strip() and REPORTED.fullmatch(name) and not HARMLESS.fullmatch(name) and not name.startswith(others)
    }


def cpu_model() -> str:
    """The processor's model name."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def instruction_set() -> str:
    """The widest vector extension: "avx512", "avx2" or "avx"; else the machine's architecture.

    XLA compiles for the processor that it finds, so the instruction set decides the bits of a result.
    """
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return platform.machine()
    for name, flag in (("avx512", "avx512f"), ("avx2", "avx2"), ("avx", "avx")):
        if flag in flags:
            return name
    return platform.machine()
