"""The recorded state of the GPU, at a run's start and at its end."""

from __future__ import annotations

import msgspec


class GpuFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The state of one GPU; None for what its driver does not report.

    Neither index nor serial number is recorded, so a published report identifies nobody's hardware.

    Attributes:
        unavailable: why the state is unknown; None if it is known.
        name: the GPU's model.
        driver: the driver's version.
        power_state: from "P0", the fastest, to "P15".
        sm_clock_mhz, max_sm_clock_mhz: of the multiprocessors, in MHz.
        memory_clock_mhz, max_memory_clock_mhz: in MHz.
        throttled_by: what holds the clocks down; empty if nothing does.
        power_w, power_limit_w: in watts.
        temperature_c: of the chip, in degrees Celsius.
        utilisation_percent: share of the time in which a kernel ran, from 0 to 100.
        persistence, mig: "Enabled" or "Disabled".
    """

    unavailable: str | None = None
    name: str | None = None
    driver: str | None = None
    power_state: str | None = None
    sm_clock_mhz: float | None = None
    max_sm_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    max_memory_clock_mhz: float | None = None
    throttled_by: tuple[str, ...] | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    temperature_c: float | None = None
    utilisation_percent: float | None = None
    persistence: str | None = None
    mig: str | None = None
