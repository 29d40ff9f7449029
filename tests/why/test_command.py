"""``python -m reports --why``: which trainings it looks at, what it prints, and bad input."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.course import course
from harness.errors import SuiteError
from harness.record.outcomes import TrainingOutcome, TrainingState
from harness.record.run import Run
from harness.why import where
from harness.why.where import Part, Stage
from reports import why
from reports.__main__ import main
from reports.why import MOST, NOTHING, explained
from tests.reports.runs import run as made_run

STEP = Stage(Part.STEP, "step of SGD", "Dense 1 kernel", 0.01, 1e-5, "1 % larger than its formula")
Made = Callable[..., tuple[list[str], int]]


def moved(*names: str) -> Run:
    """A run in which these trainings moved, and another did not."""
    run, trainings = made_run(0), {}
    [sound] = made_run(0, {"a": [0.9, 0.91]}).trainings.values()
    for name in (*names, "example-1/rate 10"):
        experiment, variant = name.split("/")
        state = TrainingState.MOVED if name in names else TrainingState.IDENTICAL
        changed = {"experiment": experiment, "variant": variant, "outcome": TrainingOutcome(state, "")}
        trainings[experiment, variant] = type(sound)(
            **{field: getattr(sound, field) for field in sound.__struct_fields__} | changed
        )
    return dataclasses.replace(run, trainings=trainings)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The trainings that are looked at; those of example-4 have a step that is too large."""
    names: list[str] = []

    def stages(experiment, variant, known):
        names.append(f"{experiment.id}/{variant}")
        return [STEP] if experiment.id == "example-4" else [STEP._replace(difference=0.0)]

    monkeypatch.setattr(where, "stages", stages)
    monkeypatch.setattr(why, "choose_backend", lambda name: None)
    return names


def test_trainings_with_one_cause_are_one_group(seen: list[str], tmp_path: Path) -> None:
    lines, status = explained(moved("example-4/softmax", "example-1/rate 0.1", "example-4/2 relu"), [], tmp_path)
    assert lines == [
        "example-4/softmax, example-4/2 relu:",
        "  step of SGD of Dense 1 kernel: 1 % larger than its formula (rounding: 0.001 %)",
        "example-1/rate 0.1:",
        f"  {NOTHING}",
    ]
    assert status == 1
    assert explained(moved("example-1/rate 0.1"), [], tmp_path)[1] == 0


def test_of_many_trainings_some_of_different_experiments_are_looked_at(seen: list[str], tmp_path: Path) -> None:
    names = [f"optimizers/{variant.name}" for variant in course().experiments["optimizers"].variants]
    explained(moved(*names, "example-1/rate 0.1"), [], tmp_path)
    assert len(seen) == MOST < len(names)
    assert seen[:2] == [names[0], "example-1/rate 0.1"]


def test_a_named_training_is_looked_at_though_it_has_not_moved(seen: list[str], tmp_path: Path) -> None:
    explained(moved(), ["example-1/rate 10"], tmp_path)
    assert seen == ["example-1/rate 10"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([], "No training of the run .* moved, of 1 training. Name one: --why "),
        (["exmaple-1/rate 10"], "experiment/variant. Received: 'exmaple-1/rate 10'. Did you mean 'example-1'"),
        (["example-1/rate 11"], "rate 11"),
        (["example-1"], "example-1"),
    ],
)
def test_bad_input_is_a_sentence(asked: list[str], said: str, seen: list[str], tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=said):
        explained(moved(), asked, tmp_path)
    assert seen == []


def test_the_command_needs_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--why", "--out", str(tmp_path), "--run", str(tmp_path / "none.jsonl")]) == 2
    assert capsys.readouterr().err.startswith("reports: ")
    assert main(["--why", "--stacks", "a", "b"]) == 2
    assert "contradicts" in capsys.readouterr().err


def test_another_hash_is_no_percentage() -> None:
    assert str(STEP._replace(difference=np.inf)) == "step of SGD of Dense 1 kernel: 1 % larger than its formula"
