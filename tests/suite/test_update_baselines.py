"""--update-baselines: what is added to the evidence and what is kept. Such a run is never green."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.check.rounding import LIMIT, relative
from harness.check.stored import Stored
from harness.errors import SuiteError
from tests.make import edit
from tests.suite.command import CHECK, JAX, TINY, Finished, kinds, lines, suite, trials
from tests.suite.conftest import BROAD

pytestmark = pytest.mark.slow
EXAMPLE_2 = "jax-cpu/example-2.json"


def variants(content: bytes) -> dict[str, Any]:
    return json.loads(content)["variants"]


def test_new_files_are_written_and_the_difference_is_printed(stored: Finished) -> None:
    """The run is not green. How far rounding takes each trial is stored too: the evidence has four perturbed trials of
    each of the ten seeds that a check trains. A quiet run shows no progress."""
    assert stored.code == 6
    assert set(stored.files()) == {f"jax-cpu/{name}.json" for name in ("centring", "exact", "example-2", "scale-gap")}
    content = json.loads(stored.files()[EXAMPLE_2])
    assert (content["schema"], content["stack"]) == (4, "jax-cpu")
    assert set(content["variants"]) == {"raw", "min-max", "standardised"}
    for variant in content["variants"].values():
        (session,) = variant["sessions"]
        assert (session["first"], session["seeds"], session["reason"]) == (0, 30, "first of all")
        assert {len(column) for column in variant["metrics"].values()} == {30}
        assert variant["tiny"] is True
    raw = content["expected"]["raw-data-diverges"]
    assert (raw["verdict"], raw["seeds"], raw["reason"]) == ("SUPPORTED", 30, "first of all")
    traces = content["variants"]["min-max"]["traces"]
    own = {trace["seed"]: trace["losses"] for trace in traces if not trace.get("perturbed")}
    assert sorted(own) == list(range(10))
    perturbed = [trace for trace in traces if trace.get("perturbed")]
    assert len(perturbed) == 40
    moved = [relative(now, then) for t in perturbed for now, then in zip(t["losses"], own[t["seed"]], strict=True)]
    assert 0 < max(moved) < LIMIT
    for text in (
        "baselines stored:",
        "example-2 (jax-cpu):\n  raw: 0 → 30 seeds, T = 10",
        "  raw-data-diverges: new → SUPPORTED (30 seeds)",
        "  minmax-table: new → SUPPORTED\n",
        "Not compared, as this run is to be stored: ",
    ):
        assert text in stored.output
    assert not [text for text in ("seeds of", "nothing is stored on", "warning") if text in stored.output.lower()]


def test_the_same_again_changes_no_byte_and_trains_nothing(stored: Finished, copied: Callable[[str], Path]) -> None:
    """With all installed plugins."""
    command = ("--backend", "jax", "--seeds", "30", "-k", BROAD, "--update-baselines", "first of all")
    again = suite(copied("again"), *command, plugins=())
    assert again.code == 6
    assert again.files() == stored.files()
    assert again.output.count("nothing changes") == 4
    assert "trial" not in kinds(again.record)


def test_a_run_to_the_end_is_identical_and_green(stored: Finished, copied: Callable[[str], Path]) -> None:
    compared = suite(copied("compared"), *JAX, "-k", TINY)
    assert compared.code == 0
    common = trials(compared.record)
    assert common == {name: trials(stored.record)[name][:5] for name in common}
    assert compared.states == {"example-2/raw": "identical", "example-2/min-max": "identical"}
    assert "✅ Nothing moved: 2 trainings reproduced to the end, bit for bit." in compared.output
    assert "nothing is stored" not in compared.output
    assert {claim.comparison.state for claim in compared.record.claims.values()} <= {"as expected", "weakened"}
    assert {claim.here.state for claim in compared.record.claims.values() if claim.here} == {"confirmed"}
    assert compared.files() == stored.files()


def test_only_what_ran_grows_and_stored_seeds_keep_their_values(copied: Callable[[str], Path]) -> None:
    """The stored values are made half larger first, so that new ones would be seen."""
    folder = copied("narrow")

    def half_more(content: Any) -> None:
        for variant in content["variants"].values():
            variant["metrics"] = {
                name: [value and value * 1.5 for value in column] for name, column in variant["metrics"].items()
            }

    edit(folder / "baselines" / EXAMPLE_2, half_more)
    before = {f"jax-cpu/{path.name}": path.read_bytes() for path in (folder / "baselines" / "jax-cpu").iterdir()}
    more = ("--backend", "jax", "--seeds", "33", "-k", "raw-data", "--update-baselines", "three more")
    run = suite(folder, *more)
    assert run.code == 6
    after = run.files()
    assert {name for name in after if after[name] != before[name]} == {EXAMPLE_2}
    old, new = variants(before[EXAMPLE_2]), variants(after[EXAMPLE_2])
    for name in ("min-max", "standardised"):
        assert new[name] == old[name]
    assert "  raw: 30 → 33 seeds, T = 10" in run.output
    for name, column in new["raw"]["metrics"].items():
        assert column[:30] == old["raw"]["metrics"][name]
        assert len(column) == 33
    sessions = [(session["first"], session["seeds"], session["reason"]) for session in new["raw"]["sessions"]]
    assert sessions == [(0, 30, "first of all"), (30, 3, "three more")]
    assert [line["trial"]["seed"] for line in lines(run.record) if line["kind"] == "trial"] == [30, 31, 32]


def test_seeds_of_another_configuration_are_refused(copied: Callable[[str], Path]) -> None:
    folder = copied("otherwise")
    path = folder / "baselines" / EXAMPLE_2
    edit(path, lambda content: content["variants"]["raw"]["configuration"].update(batch_size=33))
    before = path.read_bytes()
    run = suite(folder, "--backend", "jax", "--seeds", "31", "-k", "raw-data", "--update-baselines", "one more")
    assert run.code == 3
    assert "ERROR: Invalid new seeds of example-2, variant 'raw'" in run.output
    assert "batch_size 33 then, 32 now" in run.output
    assert path.read_bytes() == before


def test_a_check_stores_exact_claims(tmp_path: Path) -> None:
    run = suite(tmp_path, CHECK, "--backend", "jax", "-k", "minmax-table", "--update-baselines", "why")
    assert run.code == 6
    assert json.loads(run.files()["jax-cpu/exact.json"])["expected"]["minmax-table"]["verdict"] == "SUPPORTED"


def test_a_damaged_file_stops_before_training(stored: Finished, tmp_path: Path) -> None:
    path = tmp_path / EXAMPLE_2
    path.parent.mkdir(parents=True)
    path.write_bytes(stored.files()[EXAMPLE_2][:1000])
    with pytest.raises(SuiteError, match=r"Invalid evidence .*example-2\.json"):
        Stored(tmp_path, "jax-cpu").check_writable(["scale-gap", "example-2"])
    Stored(tmp_path, "jax-cpu").check_writable(["scale-gap"])
    assert [other.name for other in path.parent.iterdir()] == ["example-2.json"]
