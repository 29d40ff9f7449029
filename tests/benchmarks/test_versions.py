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
from harness.domain.erratum import ErratumState
from harness.domain.verdict import Verdict
from harness.errors import SuiteError
from harness.record.outcomes import TrainingState, VerdictState
from harness.record.run import read_run
from tests.make import self_check
from tests.reports import synthetic
from tests.suite.command import environment


def column(keras: str, backend_version: str = "0.5.3", backend: str = "jax", **rows: str) -> Column:
    """A column; ``rows`` maps the kind and name of a row, joined by "_", to its state."""
    states = {name.replace("_", " "): state for name, state in rows.items()}
    return Column(keras, backend, backend_version, "1.26.4", states)


def change(release: str, *rows: str, whose: str = "Keras") -> Change:
    return Change(release, whose, f"What changed in {release}.", rows)


def test_only_rows_that_differ_between_versions_of_one_backend_or_are_red_are_shown():
    found = [
        column("3.1.0", claim_a=GREEN, claim_b=GREEN, claim_c=GREEN, default_d="1"),
        column("3.2.0", claim_a="REFUTED", claim_b=GREEN, claim_c=GREEN, default_d="1"),
        column("3.2.0", "2.13.0", "torch", claim_a=GREEN, claim_b="REFUTED", claim_c=GREEN, default_d="2"),
    ]
    page = markdown(found, [change("3.2.0", "claim a")])
    assert "| claim a | ✔ | REFUTED | 1 |" in page
    assert "| claim b | REFUTED |  |" in page
    assert "claim c" not in page
    assert "`d`" not in page
    assert page.count(" 3 of 3 |") == 1
    assert page.count(" 2 of 3 |") == 2
    assert "1 were compared" in page
    assert "**Unexplained**" not in page


def test_a_change_explains_a_difference_if_its_release_lies_between():
    found = [column("3.1.5", claim_a=GREEN), column("3.4.0", claim_a="REFUTED"), column("3.4.1", claim_a="REFUTED")]
    for release in ("3.2.0", "3.4.0"):
        assert unexplained(found, "claim a", [change(release, "claim *")]) == []
    for changes in ([], [change("3.1.5", "claim a")], [change("3.4.1", "claim a")], [change("3.2.0", "claim b")]):
        assert unexplained(found, "claim a", changes) == ["3.1.5 → 3.4.0 (jax 0.5.3)"]


def test_every_difference_of_a_row_needs_a_change():
    found = [column("3.1.0", claim_a=GREEN), column("3.2.0", claim_a="REFUTED"), column("3.3.0", claim_a=GREEN)]
    assert unexplained(found, "claim a", [change("3.3.0", "claim a")]) == ["3.1.0 → 3.2.0 (jax 0.5.3)"]
    assert unexplained(found, "claim a", [change("3.2.0", "claim a"), change("3.3.0", "claim a")]) == []


def test_a_change_of_a_backend_explains_a_difference_between_its_versions_only():
    older, newer = column("3.2.0", claim_a=GREEN), column("3.2.0", "0.10.2", claim_a="REFUTED")
    of_jax = change("", "claim a", whose="JAX")
    assert unexplained([older, newer], "claim a", [change("3.2.0", "claim a")]) == [
        "3.2.0 → 3.2.0 (jax 0.5.3 → 0.10.2)"
    ]
    assert unexplained([older, newer], "claim a", [of_jax]) == []
    later = column("3.4.0", "0.10.2", claim_a="REFUTED")
    assert unexplained([older, later], "claim a", [change("3.3.0", "claim a")]) == []
    within = [older, column("3.3.0", claim_a="REFUTED")]
    assert unexplained(within, "claim a", [of_jax]) == ["3.2.0 → 3.3.0 (jax 0.5.3)"]


def test_stars_stand_for_any_text_and_brackets_for_themselves():
    one = change("3.2.0", "default layers.*: dtype", "self-check test_network[relu]")
    assert one.explains("default layers.Dense.get_config(): dtype")
    assert one.explains("self-check test_network[relu]")
    assert not one.explains("self-check test_networkr")
    assert not one.explains("default layers.Dense: dtypes")


def test_the_page_shows_each_version_and_names_what_no_change_explains():
    found = [
        column("3.1.0", claim_a=GREEN, default_old="'x'"),
        column("3.2.0", claim_a="REFUTED", default_old="'x'", default_new="1"),
        column("3.3.0", default_new="1"),
    ]
    page = markdown(found, [change("3.2.0", "claim a"), change("3.2.0", "default new")])
    assert "| claim a | ✔ | REFUTED | 1 |" in page
    assert "| `new` | absent | `1` | ″ | 2 |" in page
    assert "| `old` | `'x'` | ″ | absent |  |" in page
    assert "- **Unexplained**: default old, 3.2.0 → 3.3.0 (jax 0.5.3)" in page
    assert page.count("**Unexplained**") == 1


def test_rows_that_are_alike_are_one_line():
    names = [f"default_{name}" for name in "abcd"]
    found = [column("3.1.0", **dict.fromkeys(names, "1")), column("3.2.0", **dict.fromkeys(names, "2"))]
    page = markdown(found, [])
    assert "| `a`, `b` and 2 more | `1` | `2` |  |" in page


def recorded(folder: Path) -> Path:
    """The file of a run that has a red and a green result of each kind."""
    recorder = synthetic.Recorder(folder, id="a")
    red = synthetic.red(VerdictState.FLIPPED, "REFUTED", "flipped")
    lost = synthetic.red(VerdictState.NOT_RUN, "NOT_RUN", "not run")
    trials = [synthetic.trial("a", seed, 0.98) for seed in synthetic.SEEDS]
    recorder.append(
        synthetic.claim("good", "REFUTED"),
        synthetic.claim("bad", "REFUTED", comparison=red),
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


def test_a_run_becomes_a_column(tmp_path):
    one = of_run(read_run(recorded(tmp_path)))
    assert one.rows == {
        "claim good": GREEN,
        "claim bad": "REFUTED",
        "claim lost": NOT_RUN,
        "erratum holds": GREEN,
        "erratum changed": "✘",
        "erratum lost": NOT_RUN,
        "self-check good": GREEN,
        "self-check bad": "✘",
        "self-check lost": NOT_RUN,
        "training e/a": GREEN,
        "training e/b": "moved",
    }
    assert one.reasons["erratum changed"] == "printed form: it runs"
    assert (one.keras, one.backend, one.backend_version, one.numpy) == ("3.12.0", "tensorflow", "2.20.0", "2.3.4")
    assert one.reasons.keys() == {row for row, state in one.rows.items() if state != GREEN}


def probe(folder: Path, keras: str = "3.12.0", version: str = "2.20.0", **rows: str) -> None:
    """A folder with the defaults.json of an environment."""
    folder.mkdir(parents=True)
    found = Defaults(keras, "tensorflow", version, "2.3.4", rows)
    (folder / "defaults.json").write_bytes(msgspec.json.encode(found))


def test_folders_of_equal_versions_are_one_column(tmp_path):
    recorded(tmp_path / "check")
    (checked,) = columns(tmp_path, tmp_path / "none")
    probe(tmp_path / "defaults", float="1.5")
    (one,) = columns(tmp_path, tmp_path / "none")
    assert one.rows == {**checked.rows, "default float": "1.5"}
    assert one.reasons == checked.reasons
    assert one.state("default int") == ABSENT
    assert one.state("claim other") is None


def test_builds_of_one_version_are_one_column(tmp_path):
    probe(tmp_path / "a", version="2.13.0+cpu", a="1")
    probe(tmp_path / "b", version="2.13.0+cu130", a="1")
    assert [one.backend_version for one in columns(tmp_path, tmp_path / "none")] == ["2.13.0"]


def test_the_newest_nightly_comes_last(tmp_path):
    for keras in ("3.10.0", "3.16.0.dev2026102704", "3.2.1"):
        probe(tmp_path / keras, keras)
    assert [one.name for one in columns(tmp_path, tmp_path / "none")] == ["3.2", "3.10", "nightly"]


def test_a_later_run_renews_its_rows_and_keeps_the_others():
    old = Column(
        "3.2.0",
        "jax",
        "0.5.3",
        "1.26.4",
        {"claim a": "REFUTED", "claim b": "REFUTED"},
        {"claim a": "x", "claim b": "y"},
    )
    new = Column("3.2.0", "jax", "0.5.3", "1.26.4", {"claim a": GREEN, "claim c": GREEN})
    renewed = old.renewed(new)
    assert renewed.rows == {"claim a": GREEN, "claim b": "REFUTED", "claim c": GREEN}
    assert renewed.reasons == {"claim b": "y"}


def test_a_default_that_is_gone_leaves_its_column():
    old = column("3.2.0", claim_a=GREEN, default_old="1", default_same="1")
    renewed = old.renewed(column("3.2.0", default_new="2", default_same="1"))
    assert renewed.rows == {"claim a": GREEN, "default new": "2", "default same": "1"}


def test_the_command_adds_an_environment_to_those_that_are_stored(tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "changes.toml").write_text("")
    probe(tmp_path / "first" / "a", "3.1.0", a="1")
    probe(tmp_path / "second" / "a", "3.2.0", a="2")
    assert main([str(tmp_path / "first"), "--out", str(out)]) == 0
    assert main([str(tmp_path / "second"), "--out", str(out)]) == 1
    assert "2 environments, 1 unexplained difference" in capsys.readouterr().out
    assert "| `a` | `1` | `2` |  |" in (out / "README.md").read_text("utf-8")
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
def test_bad_input_is_one_line_and_leaves_the_page_as_it_was(content, said, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "changes.toml").write_text("")
    (out / "README.md").write_text("the page")
    if content is not None:
        (tmp_path / "all" / "a").mkdir(parents=True)
        (tmp_path / "all" / "a" / "defaults.json").write_bytes(content)
    assert main([str(tmp_path / "all"), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("versions: ")
    assert said in error
    assert (out / "README.md").read_text() == "the page"


def test_changes_with_an_unknown_field_are_refused(tmp_path):
    path = tmp_path / "changes.toml"
    path.write_text('[[change]]\nrelease = "3.2.0"\nwhose = "Keras"\nwhat = "x"\nrows = []\nwho = "me"\n')
    with pytest.raises(SuiteError, match="who"):
        read(path, Changes)


@pytest.fixture(scope="module")
def published() -> tuple[tuple[Column, ...], tuple[Change, ...]]:
    return stored(OUT / COLUMNS), read(OUT / "changes.toml", Changes).change


def test_the_published_page_is_that_of_its_results(published):
    page = markdown(*published)
    assert (OUT / "README.md").read_text("utf-8") == page
    assert "**Unexplained**" not in page


def test_the_published_matrix_covers_three_backends_and_six_releases(published):
    found, _ = published
    ran = [one for one in found if any(row.startswith("claim ") for row in one.rows)]
    assert {one.backend for one in ran} == {"jax", "tensorflow", "torch"}
    assert len({one.release[:2] for one in ran}) >= 6
    probed = {one.name for one in found if one.series == ("jax", "0.5.3")}
    assert probed >= {f"3.{minor}" for minor in range(16)}


def test_every_published_change_shows_in_a_row(published):
    found, changes = published
    rows = {name for one in found for name in one.rows}
    assert [one.what for one in changes if not any(map(one.explains, rows))] == []


@pytest.mark.slow
def test_the_defaults_of_this_keras_have_the_published_rows(published, tmp_path):
    """With another JAX, so values may differ in their last digits, and are not compared."""
    command = [sys.executable, "-m", "benchmarks.defaults", str(tmp_path / "defaults.json")]
    subprocess.run(command, cwd=ROOT, env=environment(KERAS_BACKEND="jax"), check=True, capture_output=True)
    rows = json.loads((tmp_path / "defaults.json").read_bytes())["rows"]
    stored = next(one for one in published[0] if one.name == "3.15" and one.series == ("jax", "0.5.3"))
    assert {name.removeprefix("default ") for name in stored.rows if name.startswith("default ")} <= rows.keys()
    assert not [value for value in rows.values() if value.startswith(("NameError", "UnboundLocalError"))]
