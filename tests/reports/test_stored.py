"""The report of a stack's evidence: verdicts decided from the stored trials, each number with its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from baselines.evidence import Measured, add, path_of, write
from cases import CLAIMS
from harness.domain.catalogue import experiments
from harness.domain.trial import Divergence, Seconds, Trial
from harness.domain.verdict import Verdict
from harness.record.evidence import EXACT, Evidence, Expected
from harness.record.outcomes import Here
from reports import __main__ as command
from reports.payload import Report
from reports.stored import stretched
from tests.reports.markdown import section, tables

EXAMPLE = next(one for one in experiments(CLAIMS) if one.id == "example-4")
SETUP = {"device_model": "AMD EPYC", "keras": "3.15.1", "backend": "tensorflow", "backend_version": "2.20.0"}
EXACT_CLAIMS = [claim.key for claim in CLAIMS if claim.experiment is None]


def trained(variant: str, seed: int, end: float, epochs: int) -> Trial:
    accuracy = [end - 0.3 / (1 + epoch) + 0.0001 * (seed % 7) for epoch in range(epochs)]
    curves = {"val_accuracy": tuple(accuracy), "loss": tuple(1 - value for value in accuracy)}
    metrics = {metric.name: curves.get(metric.name, (0.1,))[-1] for metric in EXAMPLE.metrics}
    return Trial(variant, seed, metrics, curves, None, Seconds(2.0), "compiled")


def failed(variant: str, seed: int, epochs: int) -> Trial:
    curves = dict.fromkeys(("val_accuracy", "loss"), (1.0,) + (None,) * (epochs - 1))
    metrics = dict.fromkeys(metric.name for metric in EXAMPLE.metrics)
    return Trial(variant, seed, metrics, curves, Divergence("nan", 2, 9), Seconds(2.0), "compiled")


def store(root: Path, stack: str, seeds: int, exact: Sequence[str] = (), lost: int = 0) -> None:
    """Two variants of Example 4, the second the better; of the first the last ``lost`` seeds fail."""
    epochs = EXAMPLE.size.epochs
    first = [trained("2 linear", s, 0.92, epochs) if s < seeds - lost else failed("2 linear", s, epochs)
             for s in range(seeds)]  # fmt: skip
    measured = {
        "2 linear": Measured({}, first),
        "2 relu": Measured({}, [trained("2 relu", s, 0.98, epochs) for s in range(seeds)]),
    }
    how = {"commit": "a03a743", "date": "2026-11-24", "reason": "first"}
    evidence = add(None, EXAMPLE, stack, measured, fingerprint=SETUP, **how)
    write(path_of(root, stack, EXAMPLE.id), evidence)
    expected = {key: Expected(verdict="SUPPORTED", date="2026-11-24", reason="first") for key in exact}
    write(path_of(root, stack, EXACT), Evidence(experiment=EXACT, stack=stack, variants={}, expected=expected))


def report(root: Path, stack: str) -> str:
    out = root / "out"
    assert command.main(["--evidence", stack, "--baseline-dir", str(root), "--out", str(out)]) == 0
    return (out / "REPORT.md").read_text(encoding="utf-8")


def row(text: str, key: str) -> dict[str, str]:
    rows = tables(section(text, "All claims, in lecture order"))[0]
    assert len(rows) == len(CLAIMS)
    return next(one for one in rows if f"[`{key}`]" in one["claim"])


def test_a_report_of_evidence(tmp_path: Path) -> None:
    store(tmp_path, "tensorflow-cpu", 30, EXACT_CLAIMS[:1], lost=2)
    text = report(tmp_path, "tensorflow-cpu")
    assert text.splitlines()[:3] == [
        "# The lecture's claims on TensorFlow, evidence of tensorflow-cpu, 2026-11-24",
        "",
        "**2 variants, 30 seeds each.** Nothing was trained for this report.",
    ]
    relu = row(text, "tips-relu-beats-linear")
    assert relu["verdict"] == "✔ SUPPORTED<br>30 seeds, tensorflow-cpu"
    assert relu["ours"].endswith("n = 30")
    assert "2 of 30 seeds without a value" in relu["ours"]
    assert "here" not in relu
    assert row(text, EXACT_CLAIMS[0])["verdict"] == "✔ SUPPORTED"
    assert row(text, EXACT_CLAIMS[1])["verdict"] == "– NOT RUN"
    curves = section(text, "Learning curves")
    assert "thin lines: the seeds. Of 30 seeds the curves of 5 are stored." in curves
    assert "2 linear: 2 of 30 seeds diverged (nan, epoch 2)." in curves
    [_, origins] = tables(section(text, "Environment"))
    assert [(one["trials"], one["date"], one["reason"]) for one in origins] == [("60", "2026-11-24", "first")]


def test_few_seeds_decide_nothing_and_the_report_says_how_many_would(tmp_path: Path) -> None:
    store(tmp_path, "tensorflow-cpu", 12)
    text = report(tmp_path, "tensorflow-cpu")
    assert row(text, "tips-relu-beats-linear")["verdict"] == "? INCONCLUSIVE<br>12 seeds, tensorflow-cpu"
    assert "- Seeds that would decide it: 30\n" in text.split('<a id="claim-tips-relu-beats-linear"></a>')[1]


def test_a_stack_with_few_seeds_rests_on_the_reference_stack(tmp_path: Path) -> None:
    store(tmp_path, "tensorflow-cpu", 30)
    store(tmp_path, "jax-cpu", 6)
    text = report(tmp_path, "jax-cpu")
    assert "**2 variants, 6 seeds each.**" in text
    found = row(text, "tips-relu-beats-linear")
    assert found["verdict"] == "✔ SUPPORTED<br>30 seeds, tensorflow-cpu"
    assert found["ours"].endswith("n = 30")


def test_report_json_says_that_it_is_of_evidence(tmp_path: Path) -> None:
    store(tmp_path, "tensorflow-cpu", 30)
    report(tmp_path, "tensorflow-cpu")
    found = msgspec.json.decode((tmp_path / "out" / "report.json").read_bytes(), type=Report)
    assert found.run.evidence
    assert not found.partial
    [relu] = [one for one in found.claims if one.key == "tips-relu-beats-linear"]
    assert relu.here == Here(None, "", "tensorflow-cpu", 30, Verdict.SUPPORTED)
    assert found.after_holm == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--evidence", "tensorflow-gpu"], "'tensorflow-gpu'. Did you mean 'tensorflow-cpu'"),
        (["--evidence", "../elsewhere"], "Known: tensorflow-cpu."),
        (["--evidence", "tensorflow-cpu", "--run", "x"], "contradicts --run"),
        (["--evidence", "tensorflow-cpu", "--baseline-dir", "nowhere"], "nowhere holds none"),
    ],
)
def test_bad_input(arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(tmp_path, "tensorflow-cpu", 2)
    given = [] if "--baseline-dir" in arguments else ["--baseline-dir", str(tmp_path)]
    assert command.main([*arguments, *given, "--out", str(tmp_path / "out")]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_a_stored_curve_has_straight_lines_between_its_points() -> None:
    assert stretched((0.0, 3.0, 6.0), 7) == (0, 1, 2, 3, 4, 5, 6)
    assert stretched((1.0, None, 2.0, 3.0), 7) == (1, None, None, None, 2, 2.5, 3)
    assert stretched((1.0, 2.0, None), 5) == (1, 1.5, 2, None, None)
