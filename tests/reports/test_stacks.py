"""Stacks compared: verdicts side by side, trainings that are not equivalent, and why; on the stored evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from cases.examples.learning_rate import EIGHT_POINTS
from harness.check.difference import Agreement
from harness.check.evidence import path_of, read, write
from harness.claim import Cause
from harness.course import course
from harness.model import Metric
from harness.verdict import Decision, Verdict
from reports.__main__ import main
from reports.moves import Difference, Moves, store
from reports.stacks import FILE, OnStack, Stacks, agreed, markdown, moves_from_first, stacks, values, why
from tests.reports.markdown import headings

ROOT = Path(__file__).resolve().parents[2] / "baselines"
STORED = sorted({path.parent.name for path in ROOT.glob("*-*/*.json")})


@pytest.fixture(scope="module")
def made() -> Stacks:
    return stacks(ROOT, ["tensorflow-cpu", *(name for name in STORED if name != "tensorflow-cpu")])


def test_a_stack_is_equivalent_to_a_copy_of_itself(tmp_path: Path) -> None:
    for name in ("a-cpu", "b-cpu"):
        (tmp_path / name).mkdir()
        for experiment in ("example-1", "exact"):
            evidence = read(path_of(ROOT, "jax-cpu", experiment))
            assert evidence is not None
            write(path_of(tmp_path, name, experiment), replace(evidence, stack=name))
    copied = stacks(tmp_path, ["a-cpu", "b-cpu"])
    assert {row.agreed.verdict for row in copied.compared} <= {Agreement.EQUIVALENT, Agreement.UNDECIDED}
    assert not copied.unlike
    assert headings(markdown(copied)) == ["Every claim"]


def test_clipped_probabilities_differ(made: Stacks) -> None:
    """A loss of probabilities that Keras clips at 1e-7 is at most 16.1, on JAX; see docs/comparing.md."""
    different = {(row.variant, row.metric.name) for row in made.different if row.stack == "jax-cpu"}
    assert ("plain, rate 8", "val_loss") in different
    assert "plain, rate 0.1" not in {variant for variant, _ in different}


def test_every_difference_has_a_declared_cause_and_every_cause_explains_something(made: Stacks) -> None:
    """Each training that a cause names has a metric that differs, or decides a claim that flips."""
    assert [f"{row.stack} {row.experiment}/{row.variant}" for row in made.different if not row.cause] == []
    different = {(row.experiment, row.variant) for row in made.different}
    flipped = {(claim.experiment.id, name) for claim in made.flips if claim.experiment for name in claim.variants}
    assert {each[:2] for cause in course().causes for each in cause.explains} <= different | flipped


def test_a_cause_is_for_its_stacks_trainings_and_metrics() -> None:
    cause = Cause("Because.", ("jax-*",), (("depth", "plain, rate 8", ("loss",)),), "so")
    own = ("jax-cpu", "depth", "plain, rate 8", "loss")
    others = ("torch-cpu", "other", "plain", "accuracy")
    assert cause.of(*own)
    for place, other in enumerate(others):
        assert not cause.of(*[other if place == index else name for index, name in enumerate(own)])


def test_a_network_of_nan_has_no_accuracy() -> None:
    """Its accuracy is that of the class that argmax of nan gives: on TensorFlow 1.0 of Example 1's three points."""
    evidence = read(path_of(ROOT, "tensorflow-cpu", "example-1"))
    assert evidence is not None
    of = evidence.variants["rate 1e38"]
    assert {trial.metrics["val_accuracy"] for trial in of.trials} == {1.0}
    assert {trial.divergence.kind for trial in of.trials if trial.divergence} == {"inf", "nan"}
    metrics = {metric.name: metric for metric in EIGHT_POINTS.metrics}
    assert set(values(of, metrics["val_accuracy"]).values()) == {None}
    assert values(of, metrics["rising_epochs"])[0] is not None


def test_equal_stacks_rarely_differ_by_chance() -> None:
    """Without the adjustment about one of 40 equal metrics would differ; their margin is far below their noise."""
    random = np.random.default_rng(0)
    metric = Metric("loss", better="lower", unit="nats", smallest_effect=1e-6)

    def normal(mean: float) -> dict[int, float]:
        return dict(enumerate(random.normal(mean, 1, 100).tolist()))

    def pairs(shift: float) -> list[tuple[dict[int, float], dict[int, float]]]:
        return [(normal(0.0), normal(shift)) for _ in range(200)]

    def different(values: list[tuple[dict[int, float], dict[int, float]]], comparisons: int) -> int:
        return sum(agreed(metric, *both, comparisons).verdict is Agreement.DIFFERENT for both in values)

    equal = pairs(0.0)
    assert different(equal, 1) >= 2
    assert different(equal, 200) == 0
    assert different(pairs(1.0), 200) == 200


def claims(*verdicts: tuple[Verdict, int]) -> Stacks:
    """The first claim with these verdicts and seeds, one per stack."""
    claim = next(claim for claim in course().claims if claim.experiment)
    of = {
        f"{name}-cpu": OnStack(Decision(verdict, ""), n, n < 30)
        for name, (verdict, n) in zip("abc", verdicts, strict=False)
    }
    return Stacks(tuple(of), ((claim, of),), ())


@pytest.mark.parametrize(
    ("second", "seeds", "flips", "reason", "said"),
    [
        (
            Verdict.REFUTED,
            10,
            True,
            "two samples of seeds",
            "1 of 1 claim changes (`",
        ),
        (Verdict.INCONCLUSIVE, 10, False, "not decided by 10 seeds on b-cpu", "None of 1 claim changes, 1 waits"),
    ],
)
def test_why_a_verdict_differs(second: Verdict, seeds: int, flips: bool, reason: str, said: str) -> None:
    made = claims((Verdict.SUPPORTED, 30), (second, seeds))
    assert bool(made.flips) == flips
    assert reason in why(made, *made.verdicts[0])
    text = markdown(made)
    assert f"**From a-cpu to b-cpu:** {said}" in text
    assert "no training is shown to differ. Of these verdicts 1 is preliminary." in text
    [move] = moves_from_first(made)
    assert move.differences == (
        Difference(made.verdicts[0][0].key, "✔ 30", str(made.verdicts[0][1]["b-cpu"]), why(made, *made.verdicts[0])),
    )
    assert f"| ✔ 30 | ({'✘' if flips else '?'} 10) |" in text


def test_the_command_writes_the_file(made: Stacks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.stacks.stacks", lambda root, names: made)
    store(tmp_path, versions=("3.1.0",))
    assert main(["--stacks", *made.names, "--out", str(tmp_path), "--baseline-dir", str(tmp_path)]) == 0
    stored = Moves.read(tmp_path)
    assert stored.versions == ("3.1.0",)
    assert [(move.a, move.b) for move in stored.stacks[:2]] == [(made.names[0], other) for other in made.names[1:]]
    text = (tmp_path / FILE).read_text("utf-8")
    assert headings(text)[-1] == "Every claim"
    assert "Keras clips probabilities at 1e-7" in text


@pytest.mark.parametrize("given", [["tensorflow-cpu"], ["tensorflow-cpu", "tpu-cpu"], ["jax-cpu", "jax-cpu"]])
def test_fewer_than_two_known_stacks_are_refused(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stacks", *given]) == 2
    assert "Expected: two stacks or more that have evidence." in capsys.readouterr().err


def test_the_page_says_of_stacks_what_the_stored_evidence_says(made: Stacks) -> None:
    fix = f"python -m reports --stacks {' '.join(made.names)} --out reports/published"
    assert Moves.read(ROOT).stacks[: len(made.names) - 1] == tuple(moves_from_first(made)), fix
