"""The comparison of two runs: what moved, whether it is real, and what counts as a regression."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from harness.check.claims import verdict_state
from harness.check.compare import Change, Changes, compare
from harness.errors import SuiteError
from harness.record.database import Database
from harness.record.outcomes import TimeState, TrainingOutcome, TrainingState
from harness.record.run import Run, ShortTrialDone, Summary, encode
from harness.record.trials import ShortTrial
from harness.verdict import Verdict
from reports import __main__ as command
from reports.changes import markdown
from tests.check.test_judge import evidence, shorts
from tests.make import self_check, timed
from tests.reports.markdown import section, tables
from tests.reports.runs import recorded, run
from tests.reports.synthetic import HEADER, NASTY, Recorder, claim, decision, trial
from tests.reports.test_command_line import fails

Values = Mapping[str, Mapping[int, float | None] | Sequence[float | None]]


def gauss(seed: int, count: int = 10, mean: float = 0.98, sd: float = 0.0008) -> list[float]:
    return np.random.default_rng(seed).normal(mean, sd, count).tolist()


def values(then: Values, now: Values) -> Changes:
    return compare(run(1, now), run(0, then))


def only(changes: Changes) -> Change:
    [change] = changes.changes
    return change


def near(then: Sequence[float], by: float, noise: float) -> list[float]:
    return [value + by + other for value, other in zip(then, gauss(1, len(then), 0, noise), strict=True)]


THEN = gauss(0)


@pytest.mark.parametrize(
    ("then", "now", "state", "says"),
    [
        (THEN, THEN, "identical", ""),
        (THEN, THEN[:5], "identical", ""),
        (THEN, gauss(1), "reproduced", ""),
        (THEN, near(THEN, 1e-4, 1e-6), "reproduced", ""),
        (THEN, near(THEN, -0.0042, 2e-4), "moved", "in pairs, p = "),
        (THEN, dict(enumerate(gauss(1, mean=0.976), 100)), "moved", r"0\.97\d+ over 10 seeds, p = "),
        (THEN[:8], [None] * 8, "moved", "no values over 8 seeds; without a value 0 of 8 then, 8 of 8 now"),
        ([None] * 8, [None] * 8, "identical", ""),
        ([0.98] * 3 + [None] * 5, [0.98] * 3 + [None] * 5, "identical", ""),
        ([0.98], [0.98], "identical", ""),
        ([0.98], [0.90], "new", r"val_accuracy of one seed: 0\.98 → 0\.9, which is too little to test\."),
        ([0.98], [None], "new", r"0\.98 → no value, which is too little"),
        ([0.98], [0.9801], "not compared", ""),
    ],
)  # fmt: skip
def test_trainings(then: Any, now: Any, state: str, says: str) -> None:
    changes = values({"a": then}, {"a": now})
    assert changes.regressed == (state == "moved")
    if says:
        assert (only(changes).state, only(changes).red) == (state, state == "moved")
        assert re.search(says, only(changes).reason)
        [[row]] = tables(section(markdown(changes), "Trainings"))
        assert row["state"] == f"{'⚠ ' * changes.regressed}{state}"
    else:
        assert (changes.changes, dict(changes.equal)) == ((), {("training", state): 1})


def test_false_alarms_over_many_trainings_are_rare() -> None:
    """Nominal 0.8 % of these comparisons: 0.5 of 60. Each training at 5 % by itself would raise one in 64 %."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(60):
        then, now = ({f"v{index}": rng.normal(0.98, 0.01, 6).tolist() for index in range(20)} for _ in range(2))
        alarms += values(then, now).regressed
    assert alarms <= 3


def test_a_training_that_is_red_only_now_moved() -> None:
    then, now = run(0, {"a": THEN}), run(1, {"a": THEN})
    outcome = TrainingOutcome(TrainingState.NOT_COMPARABLE, "Another training.")
    now.trainings["e", "a"] = replace(now.trainings["e", "a"], outcome=outcome, red=True)
    change = only(compare(now, then))
    assert (change.before, change.after, change.red) == ("identical", "not comparable", True)
    assert change.reason == "Against the evidence: Another training."
    assert not compare(now, now).regressed
    assert not compare(then, now).regressed


def test_another_stack_is_compared_in_distribution() -> None:
    then, now = run(0, {"a": THEN}), run(1, {"a": gauss(1)}, stack="jax-cpu")
    assert dict(compare(now, then).equal) == {("training", "compatible"): 1}
    now = run(1, {"a": gauss(1, mean=0.9)}, stack="jax-cpu")
    assert only(compare(now, then)).reason.startswith("Against tensorflow-cpu: val_accuracy of seed 0 is 0.9")


def shortened(day: float, factor: float, anchor: float | None = None) -> Run:
    made = run(day, {"a": [anchor or 0.98]}, keep=anchor is not None)
    for seed in range(5):
        losses = tuple(factor * value for value in (2.3, 1.9, 1.5 + 0.01 * seed))
        made.add(ShortTrialDone(experiment="e", variant="a", trial=ShortTrial(seed=seed, engine="fit", losses=losses)))
    return made


@pytest.mark.parametrize("anchors", [(None, None), (0.98, 0.981)])
@pytest.mark.parametrize(("factor", "state"), [(1.0, "identical"), (1 + 1e-6, "start reproduced"), (1.001, "moved")])
def test_shortened_trials_are_compared_by_their_losses(
    factor: float, state: str, anchors: tuple[float | None, float | None]
) -> None:
    """The anchors, of one seed, are shown besides."""
    changes = compare(shortened(1, factor, anchors[1]), shortened(0, 1.0, anchors[0]))
    assert changes.regressed == (state == "moved")
    if changes.changes:
        assert only(changes).state == state
        assert ("one seed: 0.98 → 0.981, which is too little to test" in only(changes).reason) == bool(anchors[0])
        assert ("training loss, step 1: 2.3 → 2.3023" in only(changes).reason) == changes.regressed
    else:
        assert dict(changes.equal) == {("training", state): 1}


@pytest.mark.parametrize(("scale", "state"), [(1.0, "identical"), (1 + 5e-6, "start reproduced"), (1.003, "moved")])
def test_a_run_is_compared_with_evidence_as_a_check_is(scale: float, state: str) -> None:
    then, now = run(0, {"a": [0.98]}), run(1, {"a": [0.98]}, keep=False)
    then.evidence["e", "a"] = evidence().variants["plain"]
    now.short["e", "a"] = shorts(scale)
    changes = compare(now, then)
    assert [*[change.state for change in changes.changes], *[equal for _, equal in changes.equal]] == [state]


def with_claims(day: float, **verdicts: str) -> Run:
    made = run(day)
    for name, verdict in verdicts.items():
        made.add(claim(name, decision(verdict, reason=f"because of {verdict}")))
    return made


@pytest.mark.parametrize("then", Verdict)
@pytest.mark.parametrize("now", Verdict)
def test_verdicts(then: Verdict, now: Verdict) -> None:
    """Each pair has the state that a check gives it, and is a regression if it is lost, weaker or the contrary."""
    compared = compare(with_claims(1, helps=now, same="SUPPORTED"), with_claims(0, helps=then, same="SUPPORTED"))
    state = verdict_state(now, then)
    equal = then is now
    assert dict(compared.equal) == {("claim", "as expected"): 1 + equal}
    assert compared.regressed == (not equal and state in ("flipped", "weakened", "not run"))
    expected = Change("claim", "helps", state, f"because of {now}", compared.regressed, then, now)
    assert compared.changes == (() if equal else (expected,))


def test_a_verdict_that_rests_on_fewer_seeds_is_weaker_and_no_regression() -> None:
    then, now = with_claims(0, helps="SUPPORTED"), with_claims(1, helps="INCONCLUSIVE")
    for made, count in ((then, 100), (now, 10)):
        made.claims["helps"] = replace(
            made.claims["helps"],
            variants={"a": Summary.of("val_accuracy", [trial("a", seed, 0.9) for seed in range(count)])},
        )
    changes = compare(now, then)
    assert not changes.regressed
    assert "100 seeds then, 10 now" in markdown(changes)


ROUNDS = (0.100, 0.101, 0.102, 0.103, 0.101, 0.102, 0.100, 0.104, 0.103)


def clocks(day: float, factor: float, cases: int = 8, **changes: Any) -> Run:
    rounds = [[factor * value * (1 + 0.01 * index) for value in ROUNDS] for index in range(cases)]
    return run(day, timings=[timed(f"w{index}", seconds, **changes) for index, seconds in enumerate(rounds)])


@pytest.mark.parametrize(
    ("factor", "state", "changed", "regressed"),
    [
        (1.0, TimeState.WITHIN, 0, False),
        (1.03, TimeState.WITHIN, 0, False),
        (1.16, TimeState.SLOWER, 0, True),
        (1 / 1.16, TimeState.FASTER, 0, False),
        (1.7, TimeState.SLOWER, 8, True),
        (1 / 1.7, TimeState.FASTER, 8, False),
    ],
)
def test_times_of_one_machine(factor: float, state: TimeState, changed: int, regressed: bool) -> None:
    changes = compare(clocks(1, factor), clocks(0, 1.0))
    [line] = changes.times
    assert (line.state, len(changes.changes)) == (state, changed)
    assert line.whole is not None
    assert line.whole.ratio == pytest.approx(factor)
    assert changes.regressed == regressed


def test_a_process_that_others_held_up_proves_nothing() -> None:
    changes = compare(clocks(1, 1.16, contention=0.2), clocks(0, 1.0))
    assert (changes.times[0].state, changes.regressed) == (TimeState.DISTURBED, False)


def test_another_machine_is_not_compared() -> None:
    now = clocks(1, 3.0)
    now.header = replace(now.header, fingerprint={**now.header.fingerprint, "device_model": "Intel Xeon"})
    changes = compare(now, clocks(0, 1.0))
    assert not changes.regressed
    text = markdown(changes)
    assert "other machine: not compared (AMD EPYC 7B13" in text
    assert tables(section(text, "The environment differs"))[0][0]["what"] == "`device_model`"


def epochs(day: float, factor: float, count: int = 10, **changes: Any) -> Run:
    names = [f"v{index}" for index in range(count)]
    return run(day, {name: [0.98] for name in names}, {n: factor * (1 + i) for i, n in enumerate(names)}, **changes)


@pytest.mark.parametrize(("factor", "state"), [(1.2, TimeState.WITHIN), (1.7, TimeState.SLOWER)])
def test_an_epoch_of_trainings_has_to_change_more(factor: float, state: TimeState) -> None:
    changes = compare(epochs(1, factor), epochs(0, 1.0))
    assert changes.times[0].state is state
    assert changes.regressed == (state is TimeState.SLOWER)
    assert ("a busy machine does the same" in markdown(changes)) == (state is TimeState.WITHIN)


def test_epochs_of_other_workers_or_reused_trials_are_not_compared() -> None:
    changes = compare(epochs(1, 3.0, workers=4), epochs(0, 1.0))
    assert changes.times[0].why_not == "other number of workers: not compared"
    now = epochs(1, 3.0)
    for key, record in now.trainings.items():
        now.trainings[key] = replace(record, reused=1)
    assert compare(now, epochs(0, 1.0)).times == ()


@pytest.mark.parametrize("now", [run(1), with_claims(1, helps="SUPPORTED")], ids=["nothing", "claims"])
def test_nothing_in_common_is_no_comparison(now: Run) -> None:
    with pytest.raises(SuiteError, match="Nothing to compare"):
        compare(now, run(0, {"a": THEN}))


# the command line


def test_runs_by_file_id_and_commit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = recorded(tmp_path, 0, 0.98, commit="aaaa1111")
    old = recorded(tmp_path, 1, 0.90, commit="bbbb2222")
    two = recorded(tmp_path, 2, 0.97, commit="bbbb2222+")
    out = ["--out", str(tmp_path)]
    shown = []
    for then, now in ((one, two), (one.stem, two.stem), ("aaaa", "bbbb2"), (str(one), two.stem)):
        assert command.main(["--compare", str(then), str(now), *out]) == 1
        shown.append(capsys.readouterr().out)
        assert (tmp_path / "COMPARE.md").read_text(encoding="utf-8") == shown[-1].removesuffix("\n")
    assert len(set(shown)) == 1
    assert shown[0].startswith("# Comparison of two runs\n\n**❌ Regressed: 1 training moved.**")
    assert command.main(["--compare", one.stem, one.stem, *out]) == 0
    assert "Both are the same run" in capsys.readouterr().out
    assert old.stem not in shown[0]


def test_runs_of_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = recorded(tmp_path, 0, 0.98, commit="aaaa1111"), recorded(tmp_path, 1, 0.97, commit="bbbb2222")
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    Database(url).push_all(tmp_path / "runs")
    for path in (one, two):
        path.unlink()
    assert command.main(["--compare", "aaaa", two.stem, "--store", url, "--out", str(tmp_path)]) == 1
    assert "1 training moved" in capsys.readouterr().out
    assert "Did you mean 'aaaa1111'" in fails(capsys, "--compare", "aaaa1112", "bbbb", "--store", url)


def test_a_run_of_another_course_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = recorded(tmp_path, 0, 0.98, commit="aaaa1111")
    other = recorded(tmp_path, 1, 0.90, commit="aaaa1111", course="another")
    said = fails(capsys, "--compare", one.stem, other.stem, "--out", str(tmp_path))
    assert f"The run {other.stem} is not of 'cases'. It is of the course 'another'" in said
    assert command.main(["--compare", one.stem, "aaaa", "--out", str(tmp_path)]) == 0
    assert "Both are the same run" in capsys.readouterr().out


@pytest.mark.slow
def test_evidence_is_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = ["--compare", "evidence:torch-cpu", "evidence:torch-cpu", "--out", str(tmp_path)]
    assert command.main(own) == 0
    assert "Both are the same run" in capsys.readouterr().out
    assert command.main(["--compare", "evidence:tensorflow-cpu", "evidence:torch-cpu", "--out", str(tmp_path)]) in (
        0,
        1,
    )
    text = capsys.readouterr().out
    assert "From evidence `evidence-tensorflow-cpu`" in text
    assert "compatible between the stacks" in text
    assert "Did you mean 'tensorflow-cpu'" in fails(capsys, "--compare", "evidence:tensorflow", "evidence:jax-cpu")


def test_bad_input_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.folders.OUT", tmp_path / "default")
    out = ["--out", tmp_path]
    assert "No run is recorded in" in fails(capsys, "--compare", "aaaa", "bbbb", *out)
    known = recorded(tmp_path, 0, 0.98, commit="aaaa1111")
    other, nothing, empty = (tmp_path / "runs" / f"{name}.jsonl" for name in ("other", "nothing", "zzzz"))
    other.write_bytes(encode(replace(HEADER, schema=99)) + b"\n")
    nothing.write_bytes(b"")
    Recorder(tmp_path, id=empty.stem).end()
    for given, said in (
        (known.stem[:-2], f"Did you mean '{known.stem}'"),
        ("aaa", "evidence:STACK"),  # three letters are no commit
        ("x" * 10_000, "evidence:STACK"),
        (tmp_path / "no.jsonl", "Cannot read"),
        (tmp_path, f"which is a report. Name a file in {tmp_path / 'runs'}."),
        (tmp_path / "report.json", f"which is a report. Name a file in {tmp_path / 'runs'}."),
        (other, "schema 99"),
        (other.stem, "schema 99"),
        (nothing, "empty file"),
        (empty, "Nothing to compare"),
    ):
        assert said in fails(capsys, "--compare", given, known, *out)
    url = f"sqlite:///{tmp_path / 'empty'}"
    Database(url).prepare()
    assert "No run is recorded" in fails(capsys, "--compare", "a", "b", "--store", url)


def test_texts_from_outside_are_inert() -> None:
    then = run(0, {NASTY: gauss(0)}, fingerprint={"keras": NASTY}, commit=NASTY, stack=NASTY)
    now = run(1, {NASTY: gauss(1, mean=0.9)}, {NASTY: 9.0}, fingerprint={NASTY: "x"}, id=NASTY)
    for made, verdict in ((then, "SUPPORTED"), (now, "REFUTED")):
        made.add(claim(NASTY, decision(verdict, reason=NASTY)))
        made.add(self_check(NASTY, NASTY if made is now else ""))
    then.add(claim("gone" + NASTY, "SUPPORTED"))
    text = markdown(compare(now, then))
    assert len(text) < 20_000
    assert "<script>" not in re.sub(r"`[^`\n]*`", "", text)
    assert "\n# h" not in text
    for rows in tables(text):
        assert all("\n" not in cell for row in rows for cell in row.values())
