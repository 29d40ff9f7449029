"""What `nvidia-smi` says of the GPU in use: driver, power state, clocks, throttling. Read, never changed.

Times mean something only with these beside them: a GPU in a low power state, or one that is too hot, computes the same
numbers at a fraction of the speed.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

TIMEOUT = 15.0
"""Seconds; without persistence mode the driver may take several to answer."""
FIELDS = {
    "index": "index",
    "uuid": "uuid",
    "name": "name",
    "driver": "driver_version",
    "power_state": "pstate",
    "sm_clock_mhz": "clocks.sm",
    "max_sm_clock_mhz": "clocks.max.sm",
    "memory_clock_mhz": "clocks.mem",
    "max_memory_clock_mhz": "clocks.max.mem",
    "throttled_by": "clocks_throttle_reasons.active",
    "power_w": "power.draw",
    "power_limit_w": "power.limit",
    "temperature_c": "temperature.gpu",
    "utilisation_percent": "utilization.gpu",
    "persistence": "persistence_mode",
    "mig": "mig.mode.current",
}
"""Names in the record, with units, and what nvidia-smi calls them."""
NEWER_NAMES = {"clocks_throttle_reasons.active": "clocks_event_reasons.active"}
"""Of fields that later drivers have renamed."""
TEXTS = ("name", "driver", "power_state", "persistence", "mig")
IDENTITY = ("index", "uuid")
"""Needed to find the GPU; not recorded, since published reports name no one's hardware by serial number."""
NEEDED = (*IDENTITY, "name")
REASONS = (
    "idle",
    "application clocks",
    "software power cap",
    "hardware slowdown",
    "sync boost",
    "software thermal slowdown",
    "hardware thermal slowdown",
    "power brake",
    "display clocks",
)
"""Of clocks below their maximum: bits of the mask from the lowest on, as NVML defines them."""
ROWS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("state of the GPU", ("unavailable",), ""),
    ("GPU", ("name",), ""),
    ("driver", ("driver",), ""),
    ("power state", ("power_state",), ""),
    ("SM clock, of at most", ("sm_clock_mhz", "max_sm_clock_mhz"), "MHz"),
    ("memory clock, of at most", ("memory_clock_mhz", "max_memory_clock_mhz"), "MHz"),
    ("clocks held down by", ("throttled_by",), ""),
    ("power, of at most", ("power_w", "power_limit_w"), "W"),
    ("temperature", ("temperature_c",), "°C"),
    ("utilisation", ("utilisation_percent",), "%"),
    ("persistence mode", ("persistence",), ""),
    ("MIG mode", ("mig",), ""),
)
"""For people: label, names in the record, unit."""
UNKNOWN_FIELD = re.compile(r'Field "([\w.]+)" is not a valid field')


def record(kind: str, model: str = "", environ: Mapping[str, str] = os.environ) -> dict[str, Any] | None:
    """For a run's header and end: ``nvidia_smi``'s facts, or {"unavailable": why}; None where ``kind`` is no GPU."""
    if kind != "gpu":
        return None
    facts, reason = nvidia_smi(model, environ)
    return {"unavailable": reason} if facts is None else facts


def nvidia_smi(
    model: str = "", environ: Mapping[str, str] = os.environ, timeout: float = TIMEOUT
) -> tuple[dict[str, Any] | None, str]:
    """Facts of the first visible GPU by the names of FIELDS, and ""; or None, and why there are none. Never raises.

    Numbers are in the units their names end with; what the driver does not tell is None; ``throttled_by`` is a list of
    words, empty when nothing holds the clocks down.

    Args:
        model: the GPU's name as the backend gives it. CUDA may count GPUs in another order than nvidia-smi, the fastest
            first, so of several models the one with this name is meant; "" if unknown.
        environ: the environment, for PATH and CUDA_VISIBLE_DEVICES.
        timeout: seconds to wait for an answer.
    """
    fields = dict(FIELDS)
    for _ in range(len(FIELDS) + len(NEWER_NAMES)):
        status, output = _ask(list(fields.values()), environ, timeout)
        unknown = UNKNOWN_FIELD.search(output)
        name = next((name for name, field in fields.items() if unknown and field == unknown[1]), "name")
        if unknown is None or name in NEEDED:
            break
        newer = NEWER_NAMES.get(fields.pop(name))
        if newer:
            fields[name] = newer
    if status != 0:
        said = " ".join(output.split())[:200]
        return None, f"nvidia-smi {_ended(status, timeout)}" + (f": {said}" if said and status is not None else "")
    # Between the lines of values it may print warnings, of a corrupted infoROM for one.
    gpus = [row for line in output.splitlines() if (row := _row(fields, line)) is not None]
    if not gpus:
        return None, f"nvidia-smi printed no line with the {len(fields)} values of a GPU"
    gpu, reason = _in_use(gpus, model, environ.get("CUDA_VISIBLE_DEVICES"))
    if gpu is None:
        return None, reason
    return {name: gpu.get(name) for name in FIELDS if name not in IDENTITY}, ""


def rows(start: object, end: object) -> list[tuple[str, str, str]]:
    """(what, at the start, at the end) for people, of two of ``record``'s results; "" where there is nothing to say.

    Empty where neither is a GPU's. Whatever a damaged file may hold is taken as nothing.
    """
    first, last = (sample if isinstance(sample, Mapping) else {} for sample in (start, end))
    cells = [(label, _cell(first, names, unit), _cell(last, names, unit)) for label, names, unit in ROWS]
    return [row for row in cells if row[1] or row[2]]


def _ask(fields: list[str], environ: Mapping[str, str], timeout: float) -> tuple[int | None, str]:
    """(exit status, what it printed) of nvidia-smi; status None after ``timeout``, -1000 where it cannot be started.

    It may hang in the driver, where nothing ends it, and so may its children: their output goes to a file, not into a
    pipe to be read to its end, and after the kill nobody waits.
    """
    command = ["nvidia-smi", "--query-gpu=" + ",".join(fields), "--format=csv,noheader,nounits"]
    variables = {**environ, "LC_ALL": "C"}
    own_group = sys.platform != "win32"
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                command,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=own_group,
            )
        except (OSError, ValueError) as error:
            return -1000, getattr(error, "strerror", None) or str(error)
        try:
            status: int | None = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if process.poll() is None:
                with contextlib.suppress(OSError):
                    if own_group:
                        os.killpg(process.pid, signal.SIGKILL)
                    else:
                        process.kill()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(1)
        said.seek(0)
        return status, said.read(100_000).decode("utf-8", "replace")


def _ended(status: int | None, timeout: float) -> str:
    if status is None:
        return f"gave no answer in {timeout:g} s"
    return "cannot be started" if status == -1000 else f"ended with status {status}"


def _row(fields: Mapping[str, str], line: str) -> dict[str, Any] | None:
    """One GPU's facts from a line of values; None where the line is something else."""
    values = [value.strip() for value in line.split(",")]
    if len(values) != len(fields):
        return None
    found: dict[str, Any] = {}
    for name, value in zip(fields, values, strict=True):
        if name == "throttled_by":
            found[name] = _reasons(value)
        elif name in TEXTS or name in IDENTITY:
            found[name] = None if _absent(value) else value
        else:
            found[name] = _number(value)
    return found if found["name"] and str(found["index"]).isdecimal() else None


def _absent(value: str) -> bool:
    """ "[N/A]", "[Not Supported]", "[Unknown Error]", "N/A", ""."""
    return not value or value.startswith("[") or value.upper() == "N/A"


def _number(value: str) -> float | None:
    return float(value) if re.fullmatch(r"-?\d{1,9}(\.\d{1,9})?", value) else None


def _reasons(value: str) -> list[str] | None:
    if not re.fullmatch(r"0x[0-9a-fA-F]{1,16}", value):
        return None
    mask = int(value, 16)
    known = [reason for bit, reason in enumerate(REASONS) if mask >> bit & 1]
    rest = mask >> len(REASONS) << len(REASONS)
    return [*known, f"{rest:#x}"] if rest else known


def _in_use(gpus: list[dict[str, Any]], model: str, visible: str | None) -> tuple[dict[str, Any] | None, str]:
    """The GPU that CUDA counts as its first, and ""; or None, and why it cannot be told."""
    candidates = gpus
    first = None if visible is None else visible.split(",")[0].strip()
    if first is not None:
        by_uuid = first.startswith("GPU-")
        candidates = [
            gpu for gpu in gpus if (str(gpu["uuid"]).startswith(first) if by_uuid else str(gpu["index"]) == first)
        ]
        if first.startswith("MIG-") and len(gpus) == 1:
            candidates = gpus
        if len(candidates) != 1:
            return None, f"CUDA_VISIBLE_DEVICES={visible!r} names none of the {len(gpus)} GPUs that nvidia-smi lists"
    if model and candidates[0]["name"] != model and len({gpu["name"] for gpu in gpus}) > 1:
        candidates = [gpu for gpu in gpus if gpu["name"] == model]
        if len(candidates) != 1:
            return None, f"nvidia-smi lists {len(candidates)} GPUs called {model!r}; set CUDA_DEVICE_ORDER=PCI_BUS_ID"
    return candidates[0], ""


def _cell(sample: Mapping[str, Any], names: tuple[str, ...], unit: str) -> str:
    words = [_word(sample.get(name)) for name in names]
    if not words[0]:
        return ""
    return " / ".join(word or "?" for word in words) + (f" {unit}" if unit else "")


def _word(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_word, value)) or "nothing"
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)
