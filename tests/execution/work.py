"""Small tasks. Worker processes need to import only this module."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from harness.errors import SuiteError


def perform(action: str, value: Any = None) -> Any:
    match action:
        case "return":
            return value
        case "begin and sleep":
            Path(value).write_text(str(os.getpid()))
            time.sleep(60)
        case "sleep once":  # the second time it ends at once
            if not Path(value).exists():
                Path(value).write_text(str(os.getpid()))
                time.sleep(60)
        case "hold":  # the interpreter's lock, for an hour
            Path(value).write_text(str(os.getpid()))
            sum(range(10**12))
        case "sleep":
            time.sleep(value)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "die once":
            if not Path(value).exists():
                Path(value).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return "again"
        case "refuse":
            raise SuiteError(value)
        case "break":
            raise ZeroDivisionError(value)
        case "exit":
            raise SystemExit(3)
        case "unpicklable":
            return lambda: None
        case "environment":
            time.sleep(0.5)
            names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "XLA_FLAGS", "CUDA_VISIBLE_DEVICES")
            variables = {name: os.environ.get(name) for name in names}
            return os.getpid(), os.sched_getaffinity(0), variables, "numpy" in sys.modules
        case "draw":  # from Python's generator, while Dask's threads are busy
            random.seed(0)
            time.sleep(value)
            shared = [name for name, module in sys.modules.items() if vars(module).get("random") is random]
            return random.random(), [name for name in shared if name.startswith(("dask", "distributed", "tornado"))]
        case "worker":
            from distributed import get_worker

            return get_worker().name
    return None
