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
    GREEN,
    NOT_RUN,
    OUT,
    Cell,
    Change,
    Changes,
    Column,
    Matrix,
    columns,
    main,
    markdown,
    matrix,
    of_report,
    read,
    unexplained,
)
from harness.course import ROOT
from harness.domain.erratum import ErratumState
from harness.errors import SuiteError
from harness.record.outcomes import TrainingState, VerdictState
from harness.record.run import SelfCheck, read_run
from reports.payload import Report, payload, to_json
from tests.reports import synthetic
from tests.suite.command import environment


def column(keras: str, backend_version: str = "0.5.3", backend: str = "jax", **rows: str) -> Column:
    """A column; ``rows`` maps the kind and name of a row, joined by "_", to its state."""
    cells = {name.replace("_", " "): Cell(state) for name, state in rows.items()}
    return Column(keras, backend, backend_version, "1.26.4", cells)


def change(release: str, *rows: str, whose: str = "Keras") -> Change:
    return Change(release, whose, f"What changed in {release}.", rows)


def shown(found: list[Column], *changes: Change) -> str:
    return markdown(matrix(found), changes)


def test_only_rows_that_differ_between_versions_of_one_backend_or_are_red_are_kept():
    found = [
        column("3.1.0", claim_a=GREEN, claim_b=GREEN, claim_c=GREEN, default_d="1"),
        column("3.2.0", claim_a="REFUTED", claim_b=GREEN, claim_c=GREEN, default_d="1"),
        column("3.2.0", "2.13.0", "torch", claim_a=GREEN, claim_b="REFUTED", claim_c=GREEN, default_d="2"),
    ]
    kept = matrix(found)
    assert {name for one in kept.columns for name in one.rows} == {"claim a", "claim b"}
    assert [counts["claim"] for counts in kept.counts] == [(3, 3), (2, 3), (2, 3)]
    assert kept.defaults == 1
    page = markdown(kept, [change("3.2.0", "claim a")])
    assert "**Unexplained**" not in page
    assert "| claim b | REFUTED |  |" in page


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
    page = shown(found, change("3.2.0", "claim a"), change("3.2.0", "default new"))
    assert "| claim a | ✔ | REFUTED | 1 |" in page
    assert "| `new` | absent | `1` | ″ | 2 |" in page
    assert "| `old` | `'x'` | ″ | absent |  |" in page
    assert "- **Unexplained**: default old, 3.2.0 → 3.3.0 (jax 0.5.3)" in page
    assert page.count("**Unexplained**") == 1


def test_rows_that_are_alike_are_one_line():
    names = [f"default_{name}" for name in "abcd"]
    page = shown([column("3.1.0", **dict.fromkeys(names, "1")), column("3.2.0", **dict.fromkeys(names, "2"))])
    assert "| `a`, `b` and 2 more | `1` | `2` |  |" in page


def run_of(folder: Path) -> Path:
    """A folder with the report.json of a run that has a red and a green result of each kind."""
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
        SelfCheck(name="good"),
        SelfCheck(name="bad", wrong=("the loss is 2",), moved=True),
        SelfCheck(name="lost", wrong=("It could not be checked",)),
        synthetic.experiment("e", ("a", "b")),
        synthetic.training("e", trials, "val_accuracy", TrainingState.IDENTICAL),
        synthetic.training("e", trials, "val_accuracy", TrainingState.MOVED, variant="b"),
    )
    recorder.file.close()
    (folder / "report.json").write_bytes(to_json(payload(read_run(recorder.path), {})))
    return folder


def test_a_run_becomes_a_column(tmp_path):
    one = of_report(msgspec.json.decode((run_of(tmp_path) / "report.json").read_bytes(), type=Report))
    assert {name: cell.state for name, cell in one.rows.items()} == {
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
    assert one.rows["erratum changed"].reason == "printed form: it runs"
    assert (one.keras, one.backend, one.backend_version, one.numpy) == ("3.12.0", "tensorflow", "2.20.0", "2.3.4")
    assert not any(cell.reason for cell in one.rows.values() if cell.state == GREEN)


def test_folders_of_equal_versions_are_one_column(tmp_path):
    run_of(tmp_path / "check")
    of_run = columns(tmp_path)[0]
    found = Defaults("3.12.0", "tensorflow", "2.20.0", "2.3.4", {"float()": "1.5"})
    (tmp_path / "defaults").mkdir()
    (tmp_path / "defaults" / "defaults.json").write_bytes(msgspec.json.encode(found))
    (one,) = columns(tmp_path)
    assert one.rows == {**of_run.rows, "default float()": Cell("1.5")}
    assert one.cell("default int()") == Cell(ABSENT)
    assert one.cell("claim other") is None


def test_the_newest_nightly_comes_last(tmp_path):
    for keras in ("3.10.0", "3.16.0.dev2026102704", "3.2.1"):
        (tmp_path / keras).mkdir()
        content = msgspec.json.encode(Defaults(keras, "jax", "0.5.3", "1.26.4", {}))
        (tmp_path / keras / "defaults.json").write_bytes(content)
    assert [one.name for one in columns(tmp_path)] == ["3.2", "3.10", "nightly"]


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
def published() -> tuple[Matrix, tuple[Change, ...]]:
    found, changes = read(OUT / "versions.json", Matrix), read(OUT / "changes.toml", Changes)
    assert isinstance(found, Matrix)
    assert isinstance(changes, Changes)
    return found, changes.change


def test_the_published_page_is_that_of_its_results(published):
    page = markdown(*published)
    assert (OUT / "README.md").read_text("utf-8") == page
    assert "**Unexplained**" not in page


def test_the_published_matrix_covers_three_backends_and_six_releases(published):
    found, _ = published
    ran = [column for column, counts in zip(found.columns, found.counts, strict=True) if counts]
    assert {column.backend for column in ran} == {"jax", "tensorflow", "torch"}
    assert len({column.release[:2] for column in ran}) >= 6
    probed = {column.name for column in found.columns if column.series == ("jax", "0.5.3")}
    assert probed >= {f"3.{minor}" for minor in range(16)}


def test_every_published_change_shows_in_a_row(published):
    found, changes = published
    rows = {name for one in found.columns for name in one.rows}
    assert [one.what for one in changes if not any(map(one.explains, rows))] == []


@pytest.mark.slow
def test_the_defaults_of_this_keras_have_the_published_rows(published, tmp_path):
    """With another JAX, so values may differ in their last digits, and are not compared."""
    command = [sys.executable, "-m", "benchmarks.defaults", str(tmp_path / "defaults.json")]
    subprocess.run(command, cwd=ROOT, env=environment(KERAS_BACKEND="jax"), check=True, capture_output=True)
    rows = json.loads((tmp_path / "defaults.json").read_bytes())["rows"]
    stored = next(one for one in published[0].columns if one.name == "3.15" and one.series == ("jax", "0.5.3"))
    assert {name.removeprefix("default ") for name in stored.rows if name.startswith("default ")} <= rows.keys()
    assert not [value for value in rows.values() if value.startswith(("NameError", "UnboundLocalError"))]
