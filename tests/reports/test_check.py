"""The report of a check: what was reproduced, what each verdict rests on, and what this machine confirms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.domain.verdict import Verdict
from harness.record.outcomes import ClaimState, TrainingOutcome, TrainingState, VerdictState
from harness.record.run import ClaimDecided, Summary
from reports.write import write_report
from tests.reports.markdown import section, tables
from tests.reports.synthetic import Recorder, claim, compared, effect, experiment, here, red, training, trial

SUMMARY = Summary(metric="val_accuracy", mean=0.95, std=0.001, n=30, values=(0.95,) * 30)


def checked(
    folder: Path, states: list[tuple[str, bool]], claims: list[ClaimDecided] | None = None, **header: Any
) -> str:
    """REPORT.md of a check whose variants came out so: (state, whether it went to the end)."""
    run = Recorder(folder, **{"full": False, "seeds": None, **header})
    run.append(experiment("deep", [f"v{index}" for index in range(len(states))]))
    for index, (state, ended) in enumerate(states):
        outcome = TrainingOutcome(TrainingState(state), "loss moved: 1.2 → 1.3", to_the_end=ended, steps=16, seeds=5)
        nothing: dict[str, Any] = {"seeds": (), "mean": None, "std": None, "n": 0, "images_per_second": None}
        changes = {"outcome": outcome, "red": outcome.red} | ({} if ended else nothing)
        run.append(training("deep", [trial(f"v{index}", 0, 0.95)], "val_accuracy", **changes))
    run.append(*([claim("a", "SUPPORTED", here=here())] if claims is None else claims))
    return write_report(run.end(), folder).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([("identical", True), ("start reproduced", False), ("identical", False)],
         "**✅ Nothing moved: 1 training reproduced to the end, 2 from the start.**"),
        ([("start reproduced", False)] * 2 + [("new", False)],
         "**✅ Nothing moved: 2 trainings reproduced from the start.** 1 without evidence on this stack."),
        ([("new", False)], "**No trained variant has evidence to compare with.**"),
        ([("identical", True), ("moved", False)], "**⚠ 1 training moved:**"),
        ([("moved", True)] * 2 + [("not comparable", False)],
         "**⚠ 2 trainings moved, 1 training not comparable:**"),
    ],
)  # fmt: skip
def test_the_first_line_says_whether_anything_moved(tmp_path: Path, states: list[tuple[str, bool]], said: str) -> None:
    text = checked(tmp_path, states)
    assert text.startswith("# The lecture's claims on TensorFlow, checked 2026-11-24\n")
    assert text.splitlines()[2] == said
    assert ("- `deep/v1` (moved): loss moved: 1.2 → 1.3" in text) is (len(states) > 1 and states[1][0] == "moved")


def test_a_verdict_that_flipped_has_moved(tmp_path: Path) -> None:
    flipped = red(VerdictState.FLIPPED, "REFUTED", "REFUTED here")
    text = checked(tmp_path, [("identical", True)], [claim("a", "REFUTED", comparison=flipped)])
    assert text.splitlines()[2:5] == ["**⚠ 1 verdict flipped:**", "", "- [`a`](#claim-a) (flipped): REFUTED here"]


def test_a_verdict_without_a_readable_expectation_says_why(tmp_path: Path) -> None:
    unread = claim("a", "SUPPORTED", red=True, error="exact.json is damaged")
    text = checked(tmp_path, [("identical", True)], [unread])
    assert text.splitlines()[2:5] == ["**⚠ 1 verdict new:**", "", "- [`a`](#claim-a) (new): exact.json is damaged"]


def test_of_many_that_moved_the_rest_is_counted(tmp_path: Path) -> None:
    text = checked(tmp_path, [("moved", False)] * 23)
    assert text.splitlines()[2] == "**⚠ 23 trainings moved:**"
    assert text.splitlines()[23:25] == ["- `deep/v19` (moved): loss moved: 1.2 → 1.3", "- and 3 more"]


@pytest.mark.parametrize(
    ("expected", "said"), [("SUPPORTED", "**✅ Nothing moved: the verdicts are the expected ones.**"), (None, "")]
)
def test_exact_claims_alone(tmp_path: Path, expected: str | None, said: str) -> None:
    text = checked(tmp_path, [], [claim("a", "SUPPORTED", marker="exact", comparison=compared("SUPPORTED", expected))])
    assert (said in text.splitlines()[2]) if said else "Nothing moved" not in text
    assert "here: " not in text
    assert "here" not in tables(section(text, "All claims, in lecture order"))[0][0]


def test_a_verdict_of_evidence_says_what_it_rests_on(tmp_path: Path) -> None:
    unsure = Verdict.INCONCLUSIVE
    claims = [
        claim("a", "SUPPORTED", [effect("a − b", 0.01, 0.005, 0.015, n=30)], here=here(), variants={"v0": SUMMARY}),
        claim("b", "INCONCLUSIVE",
              here=here(ClaimState.NOT_CONFIRMED, stack="jax-cpu", seeds=100, verdict=unsure, needed=1000)),
        claim("c", "INCONCLUSIVE", here=here(None, stack="", seeds=0, verdict=unsure)),
    ]  # fmt: skip
    text = checked(tmp_path, [("identical", True)], claims)
    rows = tables(section(text, "All claims, in lecture order"))[0]
    assert [(row["verdict"], row["here"]) for row in rows] == [
        ("✔ SUPPORTED<br>30 seeds, tensorflow-cpu", "confirmed"),
        ("? INCONCLUSIVE<br>100 seeds, jax-cpu", "⚠ **not confirmed**"),
        ("? INCONCLUSIVE<br>no evidence", "–"),
    ]
    assert rows[0]["ours"] == "v0: 0.9500 ± 0.0010<br>n = 30"
    assert "after Holm:" not in text
    assert "- Evidence: no evidence\n" in text.split('<a id="claim-c"></a>')[1]
    assert "; here: 1 confirmed, 0 start confirmed, 0 compatible, 1 not confirmed.**" in text
    first, second = (text.split(f'<a id="claim-{key}"></a>')[1].split("</details>")[0] for key in "ab")
    assert "- Here: confirmed. a: 10 seeds to the end." in first
    assert "Seeds that would decide it" not in first
    assert "- Evidence: ? INCONCLUSIVE, 100 seeds, jax-cpu\n- Seeds that would decide it: 1,000\n" in second
    assert "- After Holm: ? INCONCLUSIVE" in second


def test_what_a_tiny_training_says_alone_is_reported(tmp_path: Path) -> None:
    text = checked(tmp_path, [("identical", True)], [claim("a", "SUPPORTED", here=here(own=Verdict.INCONCLUSIVE))])
    assert "- This run's own trials say: ? INCONCLUSIVE" in text


def test_times_say_what_was_compared(tmp_path: Path) -> None:
    text = checked(tmp_path, [("start reproduced", False), ("reproduced", True)])
    start, end = tables(section(text, "Times"))[0]
    assert (start["seeds"], start["result"]) == ("0", "–")
    assert start["vs evidence"] == "start reproduced (16 steps of 5 seeds)"
    assert (end["seeds"], end["vs evidence"]) == ("1", "reproduced")


def test_a_run_to_the_end_without_evidence_names_none(tmp_path: Path) -> None:
    none = here(None, text="", stack="", seeds=0, verdict=Verdict.INCONCLUSIVE, own=Verdict.SUPPORTED)
    text = checked(tmp_path, [("new", True)], [claim("a", "SUPPORTED", here=none)], full=True)
    assert tables(section(text, "All claims, in lecture order"))[0][0]["verdict"] == "✔ SUPPORTED"
    assert "the evidence (" not in text
