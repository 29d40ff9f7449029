"""The comparison of two runs: what moved, whether it is real, and what counts as a regression."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from harness.check.difference import difference
from harness.domain.erratum import ErratumState
from harness.domain.metric import Metric
from harness.domain.verdict import Verdict
from harness.errors import SuiteError
from harness.record.address import Address
from harness.record.database import opened, push_all
from harness.record.outcomes import TimeState, TrainingOutcome, TrainingState, VerdictState
from harness.record.run import Run, ShortTrialDone, Summary, encode
from harness.record.trials import ShortTrial
from reports import __main__ as command
from reports.compare import Comparison, Times, TrainingChange, compare
from reports.payload import payload
from reports.sections.comparison import markdown, size_text, status
from reports.sides import find, side_of, side_of_report
from reports.text import escape
from tests.make import self_check, timed
from tests.reports.full import full_run
from tests.reports.markdown import section, tables
from tests.reports.runs import run
from tests.reports.synthetic import HEADER, Recorder, claim, decision, erratum, trial
from tests.reports.test_command_line import fails
from tests.reports.test_trend import NASTY

Values = Mapping[str, Sequence[float | None]]


def gauss(seed: int, count: int = 10, mean: float = 0.98, sd: float = 0.0008) -> list[float]:
    return np.random.default_rng(seed).normal(mean, sd, count).tolist()


def of(then: Run, now: Run) -> Comparison:
    return compare(side_of(then), side_of(now))


def values(then: Values, now: Values) -> Comparison:
    return of(run(0, then), run(1, now))


def only(comparison: Comparison) -> TrainingChange:
    [found] = comparison.trainings
    return found


def times(comparison: Comparison, source: str) -> Times:
    return next(one for one in comparison.times if one.source == source)


def test_the_same_run_twice_differs_in_nothing() -> None:
    one = run(0, {"a": gauss(0)})
    found = of(one, one)
    assert not found.regressed
    assert (found.identical, found.trainings, found.fingerprint, found.only) == (1, (), (), {})
    assert status(found) == "**✅ Both are the same run.**"


def test_identical_trials_are_identical_bits() -> None:
    found = values({"a": gauss(0), "b": gauss(1)}, {"a": gauss(0), "b": gauss(1, 5)})
    assert (found.identical, found.trainings) == (2, ())
    assert "2 trainings with identical bits" in markdown(found)


def test_a_shift_of_shared_seeds_is_real_and_paired() -> None:
    then = gauss(0)
    found = values(
        {"a": then}, {"a": [value - 0.0042 + noise for value, noise in zip(then, gauss(1, 10, 0, 2e-4), strict=True)]}
    )
    change = only(found)
    assert change.moved
    assert change.difference is not None
    assert change.difference.paired
    assert change.p is not None
    assert change.p < 1e-6
    assert found.regressed
    [row] = tables(section(markdown(found), "Trainings that moved"))[0]
    assert re.fullmatch(r"−0\.4\d points \[−0\.4\d, −0\.4\d\]", row["difference"])
    assert re.fullmatch(r"yes, p = \S+, 10 seeds seed by seed", row["is it real?"])
    assert row["before → now"].startswith("0.9")


def test_the_difference_is_that_of_the_baselines() -> None:
    then, now = dict(enumerate(gauss(0))), dict(enumerate(gauss(1, mean=0.976)))
    metric = Metric("val_accuracy", "higher", "fraction", 0.0005)
    assert only(of(run(0, {"a": then}), run(1, {"a": now}))).difference == difference(metric, now, then)


def test_other_seeds_are_compared_in_distribution() -> None:
    then, now = dict(enumerate(gauss(0))), {seed + 100: value for seed, value in enumerate(gauss(1, mean=0.976))}
    change = only(of(run(0, {"a": then}), run(1, {"a": now})))
    assert change.moved
    assert change.difference is not None
    assert not change.difference.paired
    assert "in distribution" in markdown(of(run(0, {"a": then}), run(1, {"a": now})))


def test_noise_is_counted_and_not_listed() -> None:
    found = values({"a": gauss(0)}, {"a": gauss(1)})
    assert (found.trainings, found.within, found.regressed) == ((), 1, False)
    assert "1 training within chance" in markdown(found)


def test_a_real_difference_that_does_not_matter_has_not_moved() -> None:
    then = gauss(0)
    found = values(
        {"a": then}, {"a": [value + 1e-4 + noise for value, noise in zip(then, gauss(1, 10, 0, 1e-6), strict=True)]}
    )
    assert not only(found).moved
    assert not found.regressed
    assert "real, but smaller than what matters" in markdown(found)


def test_false_alarms_over_many_trainings_are_rare() -> None:
    """Holm's adjustment: without it two thirds of such comparisons would have a false difference."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(60):
        then, now = ({f"v{index}": rng.normal(0.98, 0.01, 6).tolist() for index in range(20)} for _ in range(2))
        alarms += values(then, now).regressed
    assert alarms <= 6  # 3 expected at most


def test_few_seeds_are_not_tested() -> None:
    found = values({"a": [0.98]}, {"a": [0.90]})
    change = only(found)
    assert (change.moved, change.p, found.regressed) == (False, None, False)
    assert "not tested: too few seeds (1)" in markdown(found)
    assert "−8.00 points" in markdown(found)


@pytest.mark.parametrize("then", [[None] * 8, [0.98] * 3 + [None] * 5])
def test_all_seeds_failed(then: list[float | None]) -> None:
    equal = values({"a": then}, {"a": then})
    assert not equal.regressed
    worse = values({"a": gauss(0, 8)}, {"a": [None] * 8})
    assert worse.regressed
    assert "without a value: 0 of 8 seeds then, 8 of 8 now" in markdown(worse)


def test_a_training_that_is_red_only_now_moved() -> None:
    then, now = run(0, {"a": gauss(0)}), run(1, {"a": gauss(0)})
    outcome = TrainingOutcome(TrainingState.MOVED, "its losses moved")
    now.trainings["e", "a"] = replace(now.trainings["e", "a"], outcome=outcome, red=True)
    found = of(then, now)
    assert found.regressed
    assert "against the evidence: identical → moved (its losses moved)" in markdown(found)
    assert not of(now, now).regressed
    assert not of(now, then).regressed


def shortened(day: float, factor: float, anchor: float | None = None) -> Run:
    made = run(day, {"a": [anchor or 0.98]}, keep=anchor is not None)
    for seed in range(5):
        losses = tuple(factor * value for value in (2.3, 1.9, 1.5 + 0.01 * seed))
        made.add(ShortTrialDone(trial=ShortTrial(experiment="e", variant="a", seed=seed, engine="fit", losses=losses)))
    return made


@pytest.mark.parametrize(
    ("factor", "identical", "within", "moved"), [(1.0, 1, 0, 0), (1 + 1e-6, 0, 1, 0), (1.001, 0, 0, 1)]
)
def test_shortened_trials_are_compared_by_their_losses(factor: float, identical: int, within: int, moved: int) -> None:
    found = of(shortened(0, 1.0), shortened(1, factor))
    assert (found.identical, found.within, len(found.moved)) == (identical, within, moved)
    assert found.regressed == bool(moved)
    if moved:
        assert "the losses of the first steps differ by 0.001 (median of 5 seeds), limit 0.0001" in markdown(found)


def test_the_first_steps_of_an_anchor_count_too() -> None:
    found = of(shortened(0, 1.0, 0.98), shortened(1, 1.001, 0.981))
    assert only(found).moved
    assert "not tested: too few seeds (1); the losses of the first steps differ by 0.001" in markdown(found)
    assert of(shortened(0, 1.0, 0.98), shortened(1, 1.0, 0.98)).identical == 1


def with_claims(day: float, **verdicts: str) -> Run:
    made = run(day)
    for name, verdict in verdicts.items():
        made.add(claim(name, decision(verdict, reason=f"because of {verdict}")))
    return made


@pytest.mark.parametrize(
    ("then", "now", "state", "regressed"),
    [
        ("SUPPORTED", "REFUTED", VerdictState.FLIPPED, True),
        ("REFUTED", "SUPPORTED", VerdictState.FLIPPED, True),
        ("SUPPORTED", "INCONCLUSIVE", VerdictState.WEAKENED, True),
        ("SUPPORTED", "NOT_RUN", VerdictState.NOT_RUN, True),
        ("INCONCLUSIVE", "SUPPORTED", VerdictState.DECIDED, False),
        ("NOT_RUN", "SUPPORTED", VerdictState.DECIDED, False),
    ],
)
def test_verdicts(then: str, now: str, state: VerdictState, regressed: bool) -> None:
    found = of(with_claims(0, helps=then, same="SUPPORTED"), with_claims(1, helps=now, same="SUPPORTED"))
    [change] = found.verdicts
    assert (change.key, change.state, change.red, found.same_verdicts) == ("helps", state, regressed, 1)
    assert found.regressed == regressed
    [[row]] = tables(section(markdown(found), "Verdicts that changed"))
    assert row["reason"] == escape(f"because of {now}")


def test_a_verdict_that_rests_on_fewer_seeds_is_weaker_and_no_regression() -> None:
    then, now = with_claims(0, helps="SUPPORTED"), with_claims(1, helps="INCONCLUSIVE")
    for made, count in ((then, 100), (now, 10)):
        made.claims["helps"] = replace(
            made.claims["helps"],
            variants={"a": Summary.of("val_accuracy", [trial("a", seed, 0.9) for seed in range(count)])},
        )
    found = of(then, now)
    assert not found.regressed
    assert "100 seeds then, 10 now" in markdown(found)


def test_a_claim_that_is_gone_is_named() -> None:
    found = of(with_claims(0, gone="SUPPORTED", same="SUPPORTED"), with_claims(1, same="SUPPORTED", new="REFUTED"))
    assert found.only == {"claims": (("gone",), ("new",))}
    assert not found.regressed
    text = section(markdown(found), "Only in one of them")
    assert "only in the first: 1 claim: `gone`" in text
    assert "only in the second: 1 claim: `new`" in text


def test_errata_and_self_checks_with_another_state() -> None:
    then, now = run(0), run(1)
    for made, state, wrong in ((then, ErratumState.HOLDS, ""), (now, ErratumState.BROKEN, "beta is off")):
        made.add(erratum("lr", state=state, reason=f"it {state}"))
        made.add(erratum("same"))
        made.add(self_check("adam", wrong))
    found = of(then, now)
    assert [(one.what, one.then, one.now, one.red) for one in found.states] == [
        ("erratum", "holds", "broken", True), ("self-check", "passes", "fails", True),
    ]  # fmt: skip
    assert found.same_states == 1
    assert found.regressed
    assert not of(now, then).regressed
    assert "1 erratum failed, 1 self-check failed" in status(found)


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
    found = of(clocks(0, 1.0), clocks(1, factor))
    line = times(found, "-m timing")
    assert (line.state, len(line.changed)) == (state, changed)
    assert line.whole is not None
    assert line.whole.ratio == pytest.approx(factor)
    assert found.regressed == regressed


def test_times_in_words() -> None:
    assert "- -m timing: 1.16 × slower [1.16, 1.16] over 8 cases: **slower beyond noise**." in markdown(
        of(clocks(0, 1.0), clocks(1, 1.16))
    )
    assert "over 3 cases: fewer than 6 cases say no more." in markdown(of(clocks(0, 1, 3), clocks(1, 1.16, 3)))
    [row, *_] = tables(section(markdown(of(clocks(0, 1.0), clocks(1, 1.7))), "Times"))[0]
    assert (row["case"], row["state"]) == ("`w0 (fit)`", "⚠ slower")
    assert re.fullmatch(r"1\.70 × slower \[1\.6\d, 1\.7\d\]", row["ratio [95 % over rounds]"])


def test_a_process_that_others_held_up_proves_nothing() -> None:
    found = of(clocks(0, 1.0), clocks(1, 1.16, contention=0.2))
    assert times(found, "-m timing").state is TimeState.DISTURBED
    assert not found.regressed


def test_another_machine_is_not_compared() -> None:
    now = clocks(1, 3.0)
    now.header = replace(now.header, fingerprint={**now.header.fingerprint, "device_model": "Intel Xeon"})
    found = of(clocks(0, 1.0), now)
    assert times(found, "-m timing").why_not == "other machine: not compared"
    assert not found.regressed
    text = markdown(found)
    assert "other machine: not compared (AMD EPYC 7B13" in text
    assert tables(section(text, "The environment differs"))[0][0]["what"] == "`device_model`"


def epochs(day: float, factor: float, count: int = 10, **changes: Any) -> Run:
    names = [f"v{index}" for index in range(count)]
    return run(day, {name: [0.98] for name in names}, {n: factor * (1 + i) for i, n in enumerate(names)}, **changes)


@pytest.mark.parametrize(("factor", "state"), [(1.2, TimeState.WITHIN), (1.7, TimeState.SLOWER)])
def test_an_epoch_of_trainings_has_to_change_more(factor: float, state: TimeState) -> None:
    found = of(epochs(0, 1.0), epochs(1, factor))
    assert times(found, "trainings").state is state
    assert found.regressed == (state is TimeState.SLOWER)
    assert ("a busy machine does the same" in markdown(found)) == (state is TimeState.WITHIN)


def test_epochs_of_other_workers_or_reused_trials_are_not_compared() -> None:
    found = of(epochs(0, 1.0), epochs(1, 3.0, workers=4))
    assert times(found, "trainings").why_not == "other number of workers: not compared"
    now = epochs(1, 3.0)
    for key, one in now.trainings.items():
        now.trainings[key] = replace(one, reused=1)
    assert of(epochs(0, 1.0), now).times == ()


def test_what_differs_in_the_environment() -> None:
    now = run(1, {"a": gauss(0)}, fingerprint={"keras": "3.16.0", "XLA_FLAGS": "--fast"}, commit="bbbbbbb")
    found = of(run(0, {"a": gauss(0)}), now)
    assert found.fingerprint == (
        ("keras", "3.12.0", "3.16.0"), ("commit", "a03a743", "bbbbbbb"), ("XLA_FLAGS", "none", "--fast"),
    )  # fmt: skip
    assert not found.regressed


def test_nothing_in_common_is_no_comparison() -> None:
    with pytest.raises(SuiteError, match="Nothing to compare"):
        of(run(0), run(1))
    with pytest.raises(SuiteError, match="Nothing to compare"):
        of(run(0, {"a": gauss(0)}), with_claims(1, helps="SUPPORTED"))


def test_a_report_json_is_compared_like_its_run(tmp_path: Path) -> None:
    then, now = run(0, {"a": gauss(0), "b": gauss(2)}), run(1, {"a": gauss(1, mean=0.976), "b": gauss(2)})
    for made in (then, now):
        trials = made.trials["e", "a"]
        made.add(claim("helps", "SUPPORTED", experiment="e", variants={"a": Summary.of("val_accuracy", trials)}))
    reports = [side_of_report(payload(made, {})) for made in (then, now)]
    found = compare(*reports)
    assert only(found).difference == only(of(then, now)).difference  # by seed, from the claim
    assert (found.identical, found.within) == (0, 1)  # "b" has a mean only
    assert compare(reports[0], side_of(now)).regressed


def test_means_alone_are_compared_in_distribution() -> None:
    then, now = run(0, {"a": gauss(0)}), run(1, {"a": gauss(1, mean=0.976)})
    change = only(compare(*(side_of_report(payload(made, {})) for made in (then, now))))
    assert change.moved
    metric = Metric("val_accuracy", "higher", "fraction", 0.0005)
    apart = difference(metric, {s + 50: v for s, v in enumerate(gauss(1, mean=0.976))}, dict(enumerate(gauss(0))))
    assert change.difference is not None
    assert change.difference.p == pytest.approx(apart.p)
    assert change.difference.low == pytest.approx(apart.low)


def test_sizes_in_words() -> None:
    then = run(0, {"a": gauss(0)})
    metric = then.experiments["e"].metrics[0]
    row = difference(Metric("m", "lower", "steps", 0.1, "log"), {0: 2.0, 1: 2.2}, {0: 1.0, 1: 1.0})
    assert size_text(row, replace(metric, scale="log", unit="steps")).startswith("2.1 × [")
    row = difference(Metric("m", "lower", "nats", 0.1), {0: 2.0}, {0: 1.0})
    assert size_text(row, replace(metric, unit="nats")) == "+1 nats"


# the command line


def recorded(folder: Path, day: int, end: float, **changes: Any) -> Path:
    """The file of a run with five seeds of one training."""
    header = run(day).header
    made = Recorder(folder, **{"id": header.id, "started": header.started, **changes})
    one = run(0, {"a": [0.0]}).experiments["e"]
    made.append(one)
    made.train(one, [trial("a", seed, end) for seed in range(5)], "val_accuracy")
    return made.end()


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
    push_all(Address(url), tmp_path / "runs")
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
def test_a_report_and_evidence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = full_run(tmp_path)
    assert command.main(["--run", str(path), "--out", str(tmp_path)]) == 0
    report = str(tmp_path / "report.json")
    assert command.main(["--compare", report, str(path), "--out", str(tmp_path / "o")]) == 0
    assert command.main(["--compare", report, report, "--out", str(tmp_path / "o")]) == 0
    capsys.readouterr()
    assert command.main(["--compare", "evidence:tensorflow-cpu", "evidence:jax-cpu", "--out", str(tmp_path)]) in (0, 1)
    assert "From evidence `evidence-tensorflow-cpu`" in capsys.readouterr().out
    assert "Did you mean 'tensorflow-cpu'" in fails(capsys, "--compare", "evidence:tensorflow", report)


def test_a_run_that_was_killed_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = recorded(tmp_path, 0, 0.98)
    two = recorded(tmp_path, 1, 0.98)
    content = two.read_bytes().splitlines(keepends=True)
    two.write_bytes(b"".join(content[:-1]) + b'{"kind":"end","exit')
    assert command.main(["--compare", one.stem, two.stem, "--out", str(tmp_path)]) == 0
    assert "The second run was killed or interrupted: what it lacks is not compared." in capsys.readouterr().out


DAMAGED = {
    "no JSON": b"not json",
    "not UTF-8": b"\xff\xfe\x00",
    "a list": b"[1]",
    "no schema": b"{}",
    "another schema": b'{"schema": 99}',
    "another schema of its run": b'{"schema": 2, "run": {"kind": "run", "schema": 99}}',
    "cut off": b'{"schema": 2, "run"',
    "a missing field": b'{"schema": 2, "run": {"kind": "run"}}',
    "too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_report_is_one_sentence(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    assert "report.json" in fails(capsys, "--compare", path, path)


def test_bad_input_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.folders.OUT", tmp_path / "default")
    out = ["--out", tmp_path]
    assert "No run is recorded in" in fails(capsys, "--compare", "aaaa", "bbbb", *out)
    one = recorded(tmp_path, 0, 0.98, commit="aaaa1111")
    assert f"Did you mean '{one.stem}'" in fails(capsys, "--compare", one.stem[:-2], one, *out)
    assert "evidence:STACK" in fails(capsys, "--compare", "aaa", one, *out)  # three letters are no commit
    assert "Cannot read" in fails(capsys, "--compare", tmp_path / "no.jsonl", one, *out)
    assert "Cannot read" in fails(capsys, "--compare", tmp_path / "no.json", one, *out)
    assert "Cannot read" in fails(capsys, "--compare", tmp_path / "runs.json", one, *out)
    assert "evidence:STACK" in fails(capsys, "--compare", "x" * 10_000, one, *out)
    assert "--compare contradicts" in fails(capsys, "--compare", one, one, "--run", one)
    other = tmp_path / "runs" / "other.jsonl"
    other.write_bytes(encode(replace(HEADER, schema=99)) + b"\n")
    assert "schema 99" in fails(capsys, "--compare", one, other, *out)
    assert "schema 99" in fails(capsys, "--compare", one, "other", *out)
    other.write_bytes(b"")
    assert "empty file" in fails(capsys, "--compare", one, other, *out)
    empty = Recorder(tmp_path, id="zzzz").end()
    assert "Nothing to compare" in fails(capsys, "--compare", one, empty, *out)
    with opened(Address(f"sqlite:///{tmp_path / 'empty'}")):
        pass
    assert "No run is recorded" in fails(capsys, "--compare", "a", "b", "--store", f"sqlite:///{tmp_path / 'empty'}")


def test_texts_from_outside_are_inert() -> None:
    then = run(0, {NASTY: gauss(0)}, fingerprint={"keras": NASTY}, commit=NASTY, stack=NASTY)
    now = run(1, {NASTY: gauss(1, mean=0.9)}, {NASTY: 9.0}, fingerprint={NASTY: "x"}, id=NASTY)
    for made, verdict in ((then, "SUPPORTED"), (now, "REFUTED")):
        made.add(claim(NASTY, decision(verdict, reason=NASTY)))
        made.add(self_check(NASTY, NASTY if made is now else ""))
    then.add(claim("gone" + NASTY, "SUPPORTED"))
    text = markdown(of(then, now))
    assert len(text) < 20_000
    assert "<script>" not in re.sub(r"`[^`\n]*`", "", text)
    assert "\n# h" not in text
    for found in tables(text):
        assert all("\n" not in cell for row in found for cell in row.values())


def test_every_pair_of_verdicts_is_compared() -> None:
    for then in Verdict:
        for now in Verdict:
            found = of(with_claims(0, c=then.value), with_claims(1, c=now.value))
            assert len(found.verdicts) == (then is not now)
            assert markdown(found)


def test_find_needs_no_folder_for_a_file(tmp_path: Path) -> None:
    path = recorded(tmp_path, 0, 0.98)
    assert find(str(path), tmp_path / "nowhere", None, tmp_path).header.id == path.stem
