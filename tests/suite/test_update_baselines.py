"""--update-baselines: what is written, what is kept, and that it is never green."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import SuiteError
from suite.stored import Stored
from tests.suite.command import TINY, Finished, suite, trials
from tests.suite.conftest import BROAD, JAX

pytestmark = pytest.mark.slow

EXAMPLE_2 = "quick/jax-cpu/example-2.json"


@pytest.fixture(scope="module")
def again(copied: Callable[[str], Path]) -> Finished:
    """The same command once more, with whatever plugins are installed."""
    return suite(copied("again"), *JAX, "-k", BROAD, "--update-baselines", "first of all", plugins=())


@pytest.fixture(scope="module")
def compared(copied: Callable[[str], Path]) -> Finished:
    """A plain run against what was stored."""
    return suite(copied("compared"), *JAX, "-k", TINY)


@pytest.fixture(scope="module")
def narrow(copied: Callable[[str], Path]) -> tuple[dict[str, bytes], Finished]:
    """Every stored loss of Example 2 altered, then one claim of it stored anew; the files before, and the run."""
    folder = copied("narrow")
    path = folder / "baselines" / EXAMPLE_2
    content = json.loads(path.read_text("utf-8"))
    for variant in content["variants"].values():
        for trial in variant["trials"]:
            trial["metrics"] = {name: value and value * 1.5 for name, value in trial["metrics"].items()}
    path.write_text(json.dumps(content), "utf-8")
    before = {name.name: name.read_bytes() for name in path.parent.iterdir()}
    return before, suite(folder, *JAX, "-k", "raw-data", "--update-baselines", "only one")


def test_new_files_are_written_and_the_run_is_not_green(stored: Finished) -> None:
    assert stored.code == 6
    assert set(stored.files()) == {
        f"quick/jax-cpu/{name}.json" for name in ("centring", "exact", "example-2", "scale-gap")
    }
    content = json.loads(stored.files()[EXAMPLE_2])
    assert set(content["variants"]) == {"raw", "min-max", "standardised"}
    assert {v["provenance"]["reason"] for v in content["variants"].values()} == {"first of all"}
    assert content["verdicts"]["raw-data-diverges"]["verdict"] == "SUPPORTED"


def test_how_far_rounding_takes_each_trial_is_stored_too(stored: Finished) -> None:
    scaled = json.loads(stored.files()[EXAMPLE_2])["variants"]["min-max"]
    moved = scaled["rounding"]["loss, first epoch"]
    assert len(moved) == len(scaled["trials"])
    assert 0 < max(map(abs, moved)) < 1e-5


def test_the_difference_is_printed(stored: Finished) -> None:
    assert "baselines stored:" in stored.output
    assert "example-2 (quick, jax-cpu):\n  raw: new, " in stored.output
    assert "  raw-data-diverges: new → SUPPORTED" in stored.output


def test_a_quiet_run_shows_no_progress(stored: Finished) -> None:
    assert "seeds of" not in stored.output
    assert "claims in setting quick" in stored.output


def test_the_same_again_changes_no_byte(stored: Finished, again: Finished) -> None:
    assert again.code == 6
    assert again.files() == stored.files()
    assert again.output.count("nothing changes") == 4


def test_two_runs_are_equal_bit_for_bit(stored: Finished, again: Finished, compared: Finished) -> None:
    assert trials(stored.record) == trials(again.record)
    common = trials(compared.record)
    assert common == {name: trials(stored.record)[name] for name in common}
    assert len(common) == 2


def test_a_plain_run_is_identical_and_green(stored: Finished, compared: Finished) -> None:
    assert compared.code == 0
    assert compared.states == {"example-2/raw": "identical", "example-2/min-max": "identical"}
    assert "baselines: 2 identical" in compared.output
    assert "nothing is stored" not in compared.output
    assert {claim["baseline"]["state"] for claim in compared.record.claims} == {"as expected"}
    assert compared.files() == stored.files()


def test_only_what_ran_is_renewed(narrow: tuple[dict[str, bytes], Finished], stored: Finished) -> None:
    before, run = narrow
    assert run.code == 6
    after = {Path(name).name: content for name, content in run.files().items()}
    assert {name for name in after if after[name] != before[name]} == {"example-2.json"}
    old, new, true = (json.loads(text)["variants"] for text in (before["example-2.json"], after["example-2.json"],
                                                               stored.files()[EXAMPLE_2]))  # fmt: skip
    assert new["min-max"] == old["min-max"] != true["min-max"]
    assert new["standardised"] == old["standardised"]
    assert new["raw"]["trials"][0]["metrics"] == true["raw"]["trials"][0]["metrics"]
    assert new["raw"]["provenance"]["reason"] == "only one"
    assert "  raw: renewed, " in run.output


def test_a_folder_that_cannot_be_written_is_found_before_training(tmp_path: Path) -> None:
    run = suite(tmp_path, *JAX, "-k", "raw-data", "--update-baselines", "why", "--baseline-dir", "/proc/nowhere")
    assert run.code == 4
    assert "Cannot write baselines to /proc/nowhere" in run.output
    assert not list((tmp_path / "report" / "runs").glob("*.jsonl"))


def test_a_damaged_file_is_found_before_training(stored: Finished, tmp_path: Path) -> None:
    path = tmp_path / EXAMPLE_2
    path.parent.mkdir(parents=True)
    path.write_bytes(stored.files()[EXAMPLE_2][:1000])
    with pytest.raises(SuiteError, match=r"Invalid baseline .*example-2\.json"):
        Stored(tmp_path, "jax-cpu").check_writable(["scale-gap", "example-2"], "quick")
    Stored(tmp_path, "jax-cpu").check_writable(["scale-gap"], "quick")
    assert [other.name for other in path.parent.iterdir()] == ["example-2.json"]
