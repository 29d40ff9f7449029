"""What differs between versions of Keras: reading, which differences a change explains, and the page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.defaults import Defaults
from benchmarks.versions import (
    ABSENT,
    COLUMNS,
    GREEN,
    NOT_RUN,
    OUT,
    Change,
    Changes,
    Column,
    columns,
    main,
    markdown,
    of_run,
    read,
    stored,
    unexplained,
)
from harness.course import ROOT
from harness.erratum import ErratumState
from harness.errors import SuiteError
from harness.record.outcomes import TrainingState, VerdictState
from harness.record.run import read_run
from harness.verdict import Verdict
from tests.make import self_check
from tests.reports import synthetic
from tests.suite.command import environment

RED = "REFUTED"


def column(keras: str, backend_version: str = "0.5.3", **rows: str) -> Column:
    """A column; ``rows`` maps the kind and name of a row, joined by "_", to its state."""
    states = {name.replace("_", " "): state for name, state in rows.items()}
    return Column(keras, "jax", backend_version, "1.26.4", states)


def change(release: str, *rows: str, whose: str = "Keras") -> Change:
    return Change(release, whose, f"What changed in {release}.", rows)


def test_a_difference_that_no_change_names_stands_on_the_page():
    """What else the page shows, the published one pins."""
    columns = [column("3.1.0", claim_a=GREEN), column("3.2.0", claim_a=RED), column("3.3.0", claim_a=GREEN)]
    changes = [change("3.2.0", "claim a"), change("3.3.0", "claim a")]
    assert "**Unexplained**" not in markdown(columns, changes)
    page = markdown(columns, changes[:1])
    assert page.count("**Unexplained**") == 1
    assert "- **Unexplained**: claim a, 3.2.0 → 3.3.0 (jax 0.5.3)" in page


A, B, LATER = column("3.1.5", claim_a=GREEN), column("3.4.0", claim_a=RED), column("3.4.1", claim_a=RED)
ON_NEWER, AGAIN = column("3.4.0", "0.10.2", claim_a=RED), column("3.5.0", claim_a=GREEN)
HERE, THERE = "3.1.5 → 3.4.0 (jax 0.5.3)", "3.1.5 → 3.4.0 (jax 0.5.3 → 0.10.2)"


@pytest.mark.parametrize(
    ("found", "changes", "left"),
    [
        ((A, B, LATER), [], [HERE]),
        ((A, B, LATER), [change("3.2.0", "claim *")], []),
        ((A, B, LATER), [change("3.4.0", "claim *")], []),
        ((A, B, LATER), [change("3.1.5", "claim a")], [HERE]),
        ((A, B, LATER), [change("3.4.1", "claim a")], [HERE]),
        ((A, B, LATER), [change("3.2.0", "claim b")], [HERE]),
        ((A, B, AGAIN), [change("3.5.0", "claim a")], [HERE]),
        ((A, B, AGAIN), [change("3.2.0", "claim a"), change("3.5.0", "claim a")], []),
        ((A, ON_NEWER), [change("3.1.5", "claim a")], [THERE]),
        ((A, ON_NEWER), [change("3.3.0", "claim a")], []),
        ((A, ON_NEWER), [change("", "claim a", whose="JAX")], []),
        ((A, B), [change("", "claim a", whose="JAX")], [HERE]),
    ],
)
def test_a_change_explains_a_difference_that_it_can_have_made(found, changes, left):
    """A change of Keras if its release lies between; one of a backend only between versions of that."""
    assert list(unexplained(found, "claim a", changes)) == left


def test_stars_stand_for_any_text_and_brackets_for_themselves():
    known = change("3.2.0", "default layers.*: dtype", "self-check test_network[relu]")
    assert known.explains("default layers.Dense.get_config(): dtype")
    assert known.explains("self-check test_network[relu]")
    assert not known.explains("self-check test_networkr")
    assert not known.explains("default layers.Dense: dtypes")


def recorded(folder: Path) -> Path:
    """The file of a run that has a red and a green result of each kind."""
    recorder = synthetic.Recorder(folder, id="a")
    red = synthetic.red(VerdictState.FLIPPED, RED, "flipped")
    lost = synthetic.red(VerdictState.NOT_RUN, "NOT_RUN", "not run")
    trials = [synthetic.trial("a", seed, 0.98) for seed in synthetic.SEEDS]
    recorder.append(
        synthetic.claim("good", RED),
        synthetic.claim("bad", RED, comparison=red),
        synthetic.claim("lost", "NOT_RUN", comparison=lost),
        synthetic.erratum("holds"),
        synthetic.erratum("changed", state=ErratumState.CHANGED, reason="printed form: it runs"),
        synthetic.erratum("lost", state=ErratumState.NOT_RUN, reason="no such module"),
        self_check("good"),
        self_check("bad", "the loss is 2"),
        self_check("lost", "It could not be checked", Verdict.NOT_RUN),
        synthetic.training("e", trials, "val_accuracy", TrainingState.IDENTICAL),
        synthetic.training("e", trials, "val_accuracy", TrainingState.MOVED, variant="b"),
        synthetic.training("e", trials, "val_accuracy", TrainingState.NEW, variant="c"),
    )
    recorder.file.close()
    return recorder.path


def probe(folder: Path, keras: str = "3.12.0", version: str = "2.20.0", **rows: str) -> None:
    """A folder with the defaults.json of an environment."""
    folder.mkdir(parents=True)
    probed = Defaults(keras, "tensorflow", version, "2.3.4", rows)
    (folder / "defaults.json").write_bytes(msgspec.json.encode(probed))


def test_a_run_and_defaults_of_equal_versions_become_a_column(tmp_path):
    checked = of_run(read_run(recorded(tmp_path / "check")))
    assert checked.rows == {
        **{f"{kind} {name}": GREEN for kind, name in [("claim", "good"), ("erratum", "holds"), ("self-check", "good")]},
        **{f"{kind} lost": NOT_RUN for kind in ("claim", "erratum", "self-check")},
        "claim bad": RED,
        "erratum changed": "✘",
        "self-check bad": "✘",
        "training e/a": GREEN,
        "training e/b": "moved",
    }
    assert checked.reasons["erratum changed"] == "printed form: it runs"
    assert checked.reasons.keys() == {row for row, state in checked.rows.items() if state != GREEN}
    assert checked.file == "keras-3.12.0-tensorflow-2.20.0-numpy-2.3.4.json"
    probe(tmp_path / "defaults", float="1.5")
    (both,) = columns(tmp_path, tmp_path / "none")
    assert both.rows == {**checked.rows, "default float": "1.5"}
    assert both.reasons == checked.reasons
    assert both.state("default int") == ABSENT
    assert both.state("claim other") is None


def test_columns_are_of_a_version_whatever_its_build_and_the_nightly_one_comes_last(tmp_path):
    for folder, (keras, version) in enumerate(
        [("3.10.0", "2.13.0+cpu"), ("3.10.0", "2.13.0+cu130"), ("3.16.0.dev2026102704", "2.13.0"), ("3.2.1", "2.13.0")]
    ):
        probe(tmp_path / str(folder), keras, version, a="1")
    every = columns(tmp_path, tmp_path / "none")
    assert [column.name for column in every] == ["3.2", "3.10", "nightly"]
    assert {column.backend_version for column in every} == {"2.13.0"}


def test_a_later_run_renews_its_rows_and_keeps_the_others_but_for_defaults_that_are_gone():
    versions = ("3.2.0", "jax", "0.5.3", "1.26.4")
    states = {"claim a": RED, "claim b": RED, "default old": "1", "default same": "1"}
    old = Column(*versions, states, {"claim a": "x", "claim b": "y"})
    renewed = old.renewed(Column(*versions, {"claim a": GREEN, "claim c": GREEN}))
    assert renewed.rows == states | {"claim a": GREEN, "claim c": GREEN}
    assert renewed.reasons == {"claim b": "y"}
    renewed = old.renewed(Column(*versions, {"default new": "2", "default same": "1"}))
    assert renewed.rows == {"claim a": RED, "claim b": RED, "default new": "2", "default same": "1"}


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "changes.toml").write_text("")
    (folder / "README.md").write_text("the page")
    return folder


def test_the_command_adds_an_environment_to_those_that_are_stored(out, tmp_path, capsys):
    probe(tmp_path / "first" / "a", "3.1.0", a="1")
    probe(tmp_path / "second" / "a", "3.2.0", a="2")
    assert main([str(tmp_path / "first"), "--out", str(out), "--baselines", str(out)]) == 0
    assert main([str(tmp_path / "second"), "--out", str(out), "--baselines", str(out)]) == 1
    assert "2 environments, 1 unexplained difference" in capsys.readouterr().out
    assert "| `a` | 3.1: `1`<br>3.2: `2` |  |" in (out / "README.md").read_text("utf-8")
    assert len(list((out / COLUMNS).iterdir())) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no results"),
        (b"{", "a Defaults"),
        (b'{"keras": 3}', "a Defaults"),
        (b'{"keras":"new","backend":"jax","backend_version":"1","numpy":"2","rows":{}}', "three numbers"),
    ],
)
def test_bad_input_is_one_line_and_leaves_the_page_as_it_was(content, said, out, tmp_path, capsys):
    if content is not None:
        (tmp_path / "all" / "a").mkdir(parents=True)
        (tmp_path / "all" / "a" / "defaults.json").write_bytes(content)
    assert main([str(tmp_path / "all"), "--out", str(out), "--baselines", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("versions: ")
    assert said in error
    assert (out / "README.md").read_text() == "the page"


def test_changes_with_an_unknown_field_are_refused(tmp_path):
    path = tmp_path / "changes.toml"
    path.write_text('[[change]]\nrelease = "3.2.0"\nwhose = "Keras"\nwhat = "x"\nrows = []\nwho = "me"\n')
    with pytest.raises(SuiteError, match="who"):
        read(path, Changes)


def test_the_published_page_is_that_of_its_results_on_three_backends_and_six_releases():
    every, changes = stored(OUT / COLUMNS), read(OUT / "changes.toml", Changes).change
    page = markdown(every, changes)
    assert (OUT / "README.md").read_text("utf-8") == page
    assert "**Unexplained**" not in page
    rows = {name for column in every for name in column.rows}
    assert [change.what for change in changes if not any(map(change.explains, rows))] == []
    ran = [column for column in every if any(row.startswith("claim ") for row in column.rows)]
    assert {column.backend for column in ran} == {"jax", "tensorflow", "torch"}
    assert len({column.release[:2] for column in ran}) >= 6
    probed = {column.name for column in every if column.series == ("jax", "0.5.3")}
    assert probed >= {f"3.{minor}" for minor in range(16)}


@pytest.mark.slow
def test_the_defaults_of_this_keras_have_the_published_rows(tmp_path):
    """With another JAX, so values may differ in their last digits, and are not compared."""
    command = [sys.executable, "-m", "benchmarks.defaults", str(tmp_path / "defaults.json")]
    subprocess.run(command, cwd=ROOT, env=environment(KERAS_BACKEND="jax"), check=True, capture_output=True)
    rows = json.loads((tmp_path / "defaults.json").read_bytes())["rows"]
    known = next(c for c in stored(OUT / COLUMNS) if c.name == "3.15" and c.series == ("jax", "0.5.3"))
    assert {name.removeprefix("default ") for name in known.rows if name.startswith("default ")} <= rows.keys()
    assert not [value for value in rows.values() if value.startswith(("NameError", "UnboundLocalError"))]
