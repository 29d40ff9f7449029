"""The shape of each record of a run file: the keys a report needs, more may be there; and what does not fit it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from baselines.judge import ClaimState
from harness.erratum import State
from harness.verdict import Verdict

# A shape is a type or a tuple of types; {key: shape}: these keys at least; {...: shape}: any keys, values alike;
# [shape]: a list of such items; a set: one of these values. A key that ends in "?" need not be there.
TEXT_OR_NONE = (str, type(None))
NUMBER_OR_NONE = (int, float, type(None))
VERDICTS = {str(verdict) for verdict in Verdict}

EFFECT = {
    "of": str,
    "metric": str,
    "unit": str,
    "estimate": NUMBER_OR_NONE,
    "low": NUMBER_OR_NONE,
    "high": NUMBER_OR_NONE,
    "p": NUMBER_OR_NONE,
    "p_adjusted": NUMBER_OR_NONE,
    "n": int,
    "details": {...: NUMBER_OR_NONE},
    "notes": [str],
}
FINDING = (int, float, str)
DIFFERENCE = {"of": str, "obtained": FINDING, "other": FINDING, "source": str, "why": str}
DECISION = {"verdict": VERDICTS, "reason": str, "effects": [EFFECT]}
SUMMARY = {"metric": str, "mean": NUMBER_OR_NONE, "std": NUMBER_OR_NONE, "n": int}
BASELINE = {"state": TEXT_OR_NONE, "reason": TEXT_OR_NONE}
SESSION = ("date", "commit", "engine", "device_model", "keras", "backend_version", "reason")
GPU = (dict, type(None))

SHAPES: Mapping[str, Any] = {
    "run": {
        "id": str,
        "started": str,
        "command": str,
        "full": bool,
        "evidence?": bool,
        "seeds": (int, type(None)),
        "backend": str,
        "engine": str,
        "fingerprint": {...: (str, int, float, type(None))},
        "commit": TEXT_OR_NONE,
        "stack": str,
        "sessions?": [{**dict.fromkeys(SESSION, str), "trials": int}],
        "gpu?": GPU,
        "seeds_of?": {...: int},
        "precision?": str,
        "auto?": {"max_seeds": int, "budget": NUMBER_OR_NONE},
        "broken?": [{"name": str, "where": str, "error": str, "costs": [str]}],
    },
    "experiment": {
        "id": str,
        "size": {"epochs": int, "batch_size": int, "train": (int, type(None))},
        "variants": [str],
        "metrics": [{"name": str, "better": str, "unit": str, "smallest_effect": (int, float), "scale": str}],
        "accuracy": bool,
        "printed": {...: {...: [NUMBER_OR_NONE]}},
        "series?": {...: str},
        "sweep?": {
            **dict.fromkeys(("over", "metric", "title"), str),
            "x_scale": {"log", "symlog", "linear"},
            "y_scale": {"log", "linear"},
            "points": [{"variant": str, "at": (int, float), "series": str}],
        },
        "surface?": {
            **dict.fromkeys(("title", "x", "y"), str),
            "landscapes": [
                {
                    "name": str,
                    "x": [(int, float)],
                    "y": [(int, float)],
                    "loss": [[NUMBER_OR_NONE]],
                    "condition": NUMBER_OR_NONE,
                }
            ],
        },
        "turning_point?": {"variants": [str], "training": str, "validation": str},
    },
    "training": {
        "experiment": str,
        "variant": str,
        "engine": str,
        "backend": str,
        "device": str,
        "device_model": str,
        "precision": str,
        "seeds": [int],
        "seconds": {
            "total": NUMBER_OR_NONE,
            "compile": NUMBER_OR_NONE,
            "first_epoch": NUMBER_OR_NONE,
            "steady_epoch": NUMBER_OR_NONE,
        },
        "images_per_second": NUMBER_OR_NONE,
        **SUMMARY,
        "diverged": int,
        "baseline": BASELINE | {"steps": int, "compared": int, "to_the_end": bool},
    },
    "claim": {
        "key": str,
        "id": str,
        "case": str,
        "marker": {"training", "exact"},
        "slide": str,
        "statement": str,
        "rule": str,
        "expected_verdict": VERDICTS | {None},
        "adjusted_verdict": VERDICTS | {None},
        "here?": {
            "state": {"", *map(str, ClaimState)},
            **dict.fromkeys(("text", "stack", "verdict", "own"), str),
            "seeds": int,
            "needed": (int, type(None)),
        },
        **DECISION,
        "beside": [DECISION | {"rule": str}],
        "parts": [DECISION],
        "differences?": [DIFFERENCE],
        "published": [{"variant": str, "metric": str, "printed": str, "value": (int, float), "rounding": (int, float)}],
        "variants": {...: SUMMARY | {"values": [NUMBER_OR_NONE]}},
        "experiment": TEXT_OR_NONE,
        "seeds?": {"taken": int, "most": int, "saved": int, "looks": [int], "why": str},
        "baseline": BASELINE,
        "deviations": [str],
        "notes": [str],
        "seconds": NUMBER_OR_NONE,
    },
    "conformance": {"name": str, "wrong": [str]},
    "erratum": {
        **dict.fromkeys(
            (
                "id",
                "slide",
                "statement",
                "given",
                "printed",
                "modern",
                "check",
                "expected",
                "when",
                "error",
                "warning",
                "reason",
            ),
            str,
        ),
        "outcome": {"fails", "warns", "differs"},
        "values": {"slide": object, "today": object, "modern": object},
        "state": {str(state) for state in State},
        "seconds": NUMBER_OR_NONE,
    },
    "timing": {
        "work": str,
        "engine": str,
        "rounds": [(int, float)],
        "steady_epoch": (int, float),
        **dict.fromkeys(
            (
                "compile",
                "first_epoch",
                "images_per_second",
                "gflops",
                "share_of_peak",
                "best_share_of_peak",
                "products_epoch",
                "share_of_products",
                "memory_peak",
            ),
            NUMBER_OR_NONE,
        ),
        "baseline": BASELINE | {"ratio": NUMBER_OR_NONE},
        "ratios": [{"of": str, "slow": str, "fast": str, **dict.fromkeys(("estimate", "low", "high"), NUMBER_OR_NONE)}],
        "doubts": [{"what": str, "try": str}],
    },
    "peak": {
        "when": str,
        **dict.fromkeys(("gflops", "sustained", "size"), NUMBER_OR_NONE),
        "library": str,
        "by_library": {...: NUMBER_OR_NONE},
        "precision": str,
    },
    "end": {"exit_status": int, "seconds": NUMBER_OR_NONE, "interrupted": bool, "gpu?": GPU},
}


def faults(value: Any, shape: Any, where: str) -> Iterator[tuple[str, str, str]]:
    """(where, expected, received) of everything that does not fit the shape."""
    if isinstance(shape, dict):
        if not isinstance(value, Mapping):
            yield where, "an object", _brief(value)
            return
        if ... in shape:
            for key, item in value.items():
                yield from faults(item, shape[...], f"{where}[{key!r}]")
            return
        for declared, of_key in shape.items():
            key = str(declared).removesuffix("?")
            name = f"{where}.{key}" if where else key
            if key not in value:
                if key == declared:
                    yield name, "a value", "nothing"
            else:
                yield from faults(value[key], of_key, name)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield where, "a list", _brief(value)
            return
        for index, item in enumerate(value):
            yield from faults(item, shape[0], f"{where}[{index}]")
    elif isinstance(shape, set):
        if not isinstance(value, str | None) or value not in shape:
            yield where, "one of " + ", ".join(sorted(str(item) for item in shape)), _brief(value)
    elif not isinstance(value, shape):
        types = shape if isinstance(shape, tuple) else (shape,)
        yield where, " or ".join("null" if t is type(None) else t.__name__ for t in types), _brief(value)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
