"""What is measured, and the two scales: full on a GPU, or small to try the script itself on a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cases import CLAIMS
from harness.domain.claim import experiments
from harness.domain.experiment import Experiment

NETWORKS: Mapping[str, str] = {
    "softmax": "softmax",
    "two hidden layers": "2 relu xavier",
    "five hidden layers": "5 relu xavier",
    "five hidden layers, dropout 0.2": "dropout 0.2",
}
"""Variants of Example 4 by their names in tables."""
MAIN = "five hidden layers"
TARGETS: Mapping[str, float] = {
    "softmax": 0.27,
    "two hidden layers": 1.05,
    "five hidden layers": 1.9,
    "five hidden layers, dropout 0.2": 2.2,
}
"""The vectorized engine's targets on an H100: milliseconds per seed and epoch, validation included."""
FLAGS: Mapping[str, str] = {
    "none": "",
    "no command buffers": "--xla_gpu_enable_command_buffer=",
    "loops in command buffers": "--xla_gpu_enable_command_buffer=FUSION,CUBLAS,CUBLASLT,CUDNN,CUSTOM_CALL,WHILE",
    "cuBLASLt": "--xla_gpu_enable_cublaslt=true",
    "Triton products": "--xla_gpu_triton_gemm_any=true",
    "no autotuning": "--xla_gpu_autotune_level=0",
    "latency hiding": "--xla_gpu_enable_latency_hiding_scheduler=true",
}
"""Flags of XLA by name. A flag that this version does not know ends the step's process, which the report states."""
PEERS = ("fit on jax", "fit on tensorflow", "fit on torch", "torch loop")


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        name: "full" or "small".
        epochs: epochs of each training; the lecture has 20.
        train: number of training images; None for all.
        replicas: numbers of batched seeds to try with the main network; other networks leave out the first and last.
        peer_epochs: epochs of each training by a peer.
        seeds: ``--seeds`` of the suite's runs "full" and "highest" (precision).
        select: ``-k`` of the suite's runs: ids of claims, or "" for all that train.
        sizes: rows of the square matrices, and megabytes of the array, with which the peaks are measured.
    """

    name: str
    epochs: int
    train: int | None
    replicas: tuple[int, ...]
    peer_epochs: int
    seeds: Mapping[str, str]
    select: str
    sizes: tuple[tuple[int, ...], int]


SCALES = {
    "full": Scale(
        "full",
        20,
        None,
        (32, 48, 64, 96, 128, 256),
        6,
        {
            "full": "256,example-3=1024,example-4=1024,example-4-softmax=1024",
            "highest": "256",
        },
        "",
        ((4096, 8192, 16384), 1000),
    ),
    "small": Scale(
        "small",
        3,
        600,
        (2, 4),
        2,
        {"full": "5", "highest": "5"},
        "minmax-fixes-divergence",
        ((256,), 8),
    ),
}


def experiment(scale: Scale, epochs: int | None = None) -> Experiment:
    """Example 4 at the lecture's batch size, with the scale's images and epochs."""
    found = next(each for each in experiments(CLAIMS) if each.id == "example-4")
    size = replace(found.size, epochs=epochs or scale.epochs, train=scale.train)
    return replace(found, size=size)


def claims_of(*ids: str) -> str:
    """A ``-k`` expression for the claims that rest on these experiments."""
    chosen = {claim.id for claim in CLAIMS if claim.experiment is not None and claim.experiment.id in ids}
    return " or ".join(sorted(chosen))
