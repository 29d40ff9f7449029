"""The reports of a check: what a verdict rests on, what this machine confirms, and what was compared."""

from __future__ import annotations

from pathlib import Path

from harness.domain.verdict import Verdict
from harness.record.outcomes import Anchor, ClaimState, Interval, TrainingOutcome, TrainingState
from harness.record.run import Summary
from reports.write import write_report
from tests.make import self_check
from tests.reports.markdown import claims, section, tables
from tests.reports.synthetic import Recorder, claim, effect, experiment, here, published, training, trial
from tests.reports.test_headline import checked

SUMMARY = Summary(metric="val_accuracy", mean=0.95, std=0.001, n=30, values=(0.95,) * 30)


def check(folder: Path) -> tuple[str, str]:
    """REPORT.md, and the file of Example 4's section."""
    run = Recorder(folder, full=False, seeds=None)
    run.append(experiment("deep", ["a", "b"]))
    anchor = Anchor(0, "val_accuracy", 0.9820, 0.9822, Interval(0.977, 0.987, 30))
    end = TrainingOutcome(TrainingState.REPRODUCED, "", to_the_end=True, seeds=1, anchors=(anchor,))
    start = TrainingOutcome(TrainingState.START_REPRODUCED, "", steps=16, seeds=5)
    run.append(training("deep", [trial("a", 0, 0.95)], "val_accuracy", outcome=end))
    run.append(
        training("deep", [trial("b", 0, 0.95)], "val_accuracy", outcome=start, seeds=(), n=0, mean=None, std=None)
    )
    unsure, compared = Verdict.INCONCLUSIVE, {"experiment": "deep", "variants": {"a": SUMMARY, "b": SUMMARY}}
    run.append(
        claim(
            "a",
            "SUPPORTED",
            [effect("a − b", 0.01, 0.005, 0.015, n=30)],
            here=here(),
            published=(published("a", "0.9600"), published("b", "0.9400")),
            **compared,
        ),
        claim("b", "INCONCLUSIVE", [effect("a − b", 0.0, -0.01, 0.01, chances={1000: 0.4})],
              here=here(ClaimState.NOT_CONFIRMED, stack="jax-cpu", seeds=100, verdict=unsure)),
        claim("c", "INCONCLUSIVE", here=here(None, stack="", seeds=0, verdict=unsure, own=Verdict.SUPPORTED)),
    )  # fmt: skip
    write_report(run.end(), folder)
    return (folder / "REPORT.md").read_text("utf-8"), (folder / "sections" / "example-4-tips.md").read_text("utf-8")


def details(text: str, key: str) -> str:
    return text.split(f'<a id="{key}"></a>')[1].split("</details>")[0]


def test_a_verdict_says_what_it_rests_on_and_what_is_confirmed(tmp_path: Path) -> None:
    report, file = check(tmp_path)
    assert "- Here: 1 confirmed, 1 not confirmed\n" in report
    first, second, third = (details(file, key) for key in "abc")
    assert "- Rests on: 30 seeds of tensorflow-cpu\n- Decided: shown\n- On this machine: confirmed. a: 10 s" in first
    chance = "chance to be decided, if the effect is as estimated: 40 % at 1,000 seeds"
    assert f"- Rests on: 100 seeds of jax-cpu\n- Undecided: {chance}\n- On this machine: not confirmed." in second
    assert "- This run's own trials say: ✔ SUPPORTED\n" in third


def test_the_slides_figure_and_ours_stand_beside_each_other(tmp_path: Path) -> None:
    report, file = check(tmp_path)
    row = claims(report)["a"]
    measured = "a is 1.00 points above b in validation accuracy [0.50, 1.50]"
    assert (row["slide"], row["measured"]) == ("+2.00 points", f"{measured}, 30 seeds")
    assert "✔ SUPPORTED · Statement of a.</summary>" in file
    assert f"Slide: +2.00 points. {measured}. 30 seeds." in details(file, "a")


def test_accuracies_before_and_now(tmp_path: Path) -> None:
    report, _ = check(tmp_path)
    [table] = tables(section(report, "Accuracy"))
    assert [list(row.values()) for row in table] == [
        [
            "a<br>deep",
            "0.9600",
            "0.9500 ± 0.0010, 30 seeds<br>−1.00 points to the slide",
            "reproduced<br>seed 0: 0.9820 → 0.9822",
        ],
        [
            "b<br>deep",
            "0.9400",
            "0.9500 ± 0.0010, 30 seeds<br>+1.00 points to the slide",
            "start reproduced, 16 steps of 5 seeds",
        ],
    ]


def test_of_many_that_moved_the_rest_is_counted(tmp_path: Path) -> None:
    run = checked(tmp_path, [("moved", False)] * 23)
    write_report(run.path, tmp_path)
    for name in ("SUMMARY.md", "REPORT.md"):
        text = section((tmp_path / name).read_text("utf-8"), "What moved")
        [table] = tables(text)
        assert len(table) == 20
        first = {"what": "❌ training moved<br>`deep/v0`", "before → now": "moved", "why": "loss moved: 1.2 → 1.3"}
        assert table[0] == first
        assert "And 3 more." in text


def written(folder: Path, *wrong: str) -> str:
    run = Recorder(folder)
    for number, text in enumerate(wrong):
        run.append(self_check(f"check {number}", text))
    write_report(run.end(), folder)
    return (folder / "SUMMARY.md").read_text("utf-8")


def test_self_checks_that_hold_are_counted(tmp_path: Path) -> None:
    assert "- 2 self-checks: all hold" in written(tmp_path, "", "")


def test_what_is_wrong_in_a_self_check_is_reported(tmp_path: Path) -> None:
    text = written(tmp_path, "", "The loss. Expected: 1. Received: 2.")
    assert "**2 self-checks: 1 does not hold; no verdict below is to be trusted:** `check 1`." in text
    assert "| ❌ self-check failed<br>`check 1` | holds → fails | The loss. Expected: 1. Received: 2. |" in text


def test_without_self_checks_nothing_is_said(tmp_path: Path) -> None:
    assert "elf-check" not in written(tmp_path)
