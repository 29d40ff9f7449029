"""`--resume`: a run that was killed goes on in its own file, trains nothing twice, and ends as if nothing had been."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from harness.store import latest_run
from harness.store.follower import whole_lines
from suite.recording import FILE, lock_file

from harness.errors import SuiteError
from harness.record.address import Address, sqlite_address
from harness.record.database import Database
from harness.record.locks import held
from suite import resume
from tests.suite.command import TINY, Finished, suite, trials
from tests.suite.conftest import JAX
from tests.suite.test_workers import XDIST
from tests.suite.timeless import timeless


def killed(run: Finished, folder: Path, lines: int, torn: int = 0, store: bool = False) -> Path:
    """A folder with the first ``lines`` lines of a run's file and ``torn`` bytes of the next, and the run's store."""
    source = latest_run(run.folder / "report" / "runs")
    runs = folder / "report" / "runs"
    runs.mkdir(parents=True)
    content = source.read_bytes().splitlines(keepends=True)
    (runs / source.name).write_bytes(b"".join(content[:lines]) + content[lines][:torn])
    if store:
        shutil.copy(run.folder / "report" / FILE, folder / "report" / FILE)
    return runs / source.name


def kinds(path: Path) -> list[str]:
    return [json.loads(line)["kind"] for line in whole_lines(path)]


@pytest.fixture(scope="module")
def resumed(first: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """``first``, killed while it wrote the second trial of its second variant."""
    folder = tmp_path_factory.mktemp("resumed")
    path = latest_run(first.folder / "report" / "runs")
    lines = [json.loads(line) for line in whole_lines(path)]
    at = [number for number, line in enumerate(lines) if line["kind"] == "trial"][6]
    killed(first, folder, at, torn=100)
    return suite(folder, "--seeds", "5", "-k", TINY, "--resume", env={"KERAS_BACKEND": "jax"})


def test_it_goes_on_in_the_same_file(resumed: Finished, first: Finished) -> None:
    assert resumed.code == 0
    (path,) = (resumed.folder / "report" / "runs").iterdir()
    assert path.stem == first.record.header["id"]
    assert resumed.record.header == first.record.header
    assert f"resumed: the run {path.stem}" in resumed.output


def test_nothing_is_trained_twice(resumed: Finished, first: Finished) -> None:
    assert kinds(resumed.record.path).count("trial") == kinds(first.record.path).count("trial")
    assert trials(resumed.record) == trials(first.record)


def test_the_report_is_that_of_an_undisturbed_run(resumed: Finished, first: Finished) -> None:
    assert timeless(resumed.report) == timeless(first.report)
    figures = {path.name: path.read_bytes() for path in (first.folder / "report" / "figures").iterdir()}
    assert figures == {path.name: path.read_bytes() for path in (resumed.folder / "report" / "figures").iterdir()}


def test_the_store_has_every_line(resumed: Finished) -> None:
    path = resumed.record.path
    database = Database(sqlite_address(resumed.folder / "report" / FILE))
    assert [line.encode() for line in database.lines(path.stem)] == whole_lines(path)
    database.close()


def test_it_cannot_be_resumed_once_more(resumed: Finished) -> None:
    """Whoever asks removes the lock that it left, if it was killed in its last moment."""
    left = lock_file(resumed.record.path.parent, resumed.record.path.stem)
    left.touch()
    for asked in ("--resume", f"--resume={resumed.record.path.stem}"):
        again = suite(resumed.folder, "--seeds", "5", "-k", TINY, asked, env={"KERAS_BACKEND": "jax"})
        assert again.code == 4
        (error,) = [line for line in again.output.splitlines() if line.startswith("ERROR: ")]
        assert "none was killed or interrupted" in error or "reached its end" in error
        assert not left.exists()


@pytest.mark.slow
def test_workers_go_on_where_workers_were_killed(tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = suite(tmp_path_factory.mktemp("whole"), *JAX, "-n", "2", "-k", TINY, plugins=XDIST)
    folder = tmp_path_factory.mktemp("killed")
    killed(whole, folder, kinds(whole.record.path).index("trial") + 3)
    again = suite(folder, *JAX, "-n", "2", "-k", TINY, "--resume", plugins=XDIST)
    assert again.code == 0
    assert "warning" not in again.output.lower()
    assert all(sorted(one.seed for one in done) == [0, 1, 2, 3, 4] for done in again.record.trials.values())
    assert timeless(again.report) == timeless(whole.report)
    assert kinds(again.record.path).count("resumed") == 1
    assert not [path for path in (folder / "report" / "runs").iterdir() if path.suffix != ".jsonl"]


@pytest.mark.parametrize("workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.slow)])
def test_another_run_is_refused_with_the_differences(workers: tuple[str, ...], first: Finished, tmp_path: Path) -> None:
    path = killed(first, tmp_path, 5)
    before = path.read_bytes()
    options = ("--backend", "jax", "--seeds", "6", "-k", "raw-data", *workers, "--resume")
    refused = suite(tmp_path, *options, plugins=XDIST if workers else ("-p", "no:randomly", "-p", "no:cacheprovider"))
    assert refused.code == 4
    assert "seeds: then 5, now 6" in refused.output
    assert "claims: now without minmax-fixes-divergence" in refused.output
    assert "Its command was: pytest suite/" in refused.output
    assert path.read_bytes() == before


def header(path: Path, **changes: Any) -> dict[str, Any]:
    return {**json.loads(whole_lines(path)[0]), **changes}


class Asked:
    """As much of the options as ``resume`` looks at."""

    def __init__(self, run: str = "", **changes: Any) -> None:
        self.resume, self.full, self.update, self.store = run, True, None, None
        vars(self).update(changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"full": False}, "full: then True, now False"),
        ({"first_seed": 3}, "first_seed: then 0, now 3"),
        ({"backend": "torch", "stack": "t"}, "backend: then jax, now torch; stack: then jax-cpu, now t. "),
        ({"engine": "fit"}, "engine: then auto, now fit"),
        ({"workers": 2}, "workers: then 1, now 2"),
        ({"source": "0"}, "source of the training code: then "),
        ({"planned": []}, "claims: now without minmax-"),
        ({"selected": "0"}, "the selected items are others"),
        ({"reuse": True}, "reuse: then False, now True"),
    ],
)  # fmt: skip
def test_each_difference_is_named(changes: dict[str, Any], said: str, first: Finished, tmp_path: Path) -> None:
    path = killed(first, tmp_path, 5)
    resume.check(path, header(path), Asked())
    with pytest.raises(SuiteError, match="this would be another one") as refused:
        resume.check(path, header(path, **changes), Asked())
    assert said in str(refused.value)


def test_another_fingerprint_names_what_is_new(first: Finished, tmp_path: Path) -> None:
    path = killed(first, tmp_path, 5)
    prints = {**header(path)["fingerprint"], "keras": "4.0"}
    with pytest.raises(SuiteError, match=r"fingerprint, keras: then 3\.\S+, now 4\.0\. Its command"):
        resume.check(path, header(path, fingerprint=prints), Asked())


def test_baselines_of_two_commits_are_not_stored_as_one(first: Finished, tmp_path: Path) -> None:
    path = killed(first, tmp_path, 5)
    resume.check(path, header(path, commit="another"), Asked())
    with pytest.raises(SuiteError, match="commit: then "):
        resume.check(path, header(path, commit="another"), Asked(update="a reason"))


@pytest.mark.parametrize(
    ("kind", "field", "value", "said"),
    [
        ("trial", "definition", "0" * 16, "example-2/raw: another definition"),
        ("trial", "variant", "gone", "example-2/gone: another definition"),
        ("experiment", "size", {}, "experiment example-2: declared otherwise"),
        ("experiment", "id", "gone", "experiment gone: declared otherwise"),
    ],
)
def test_another_definition(kind: str, field: str, value: object, said: str, first: Finished, tmp_path: Path) -> None:
    path = killed(first, tmp_path, 4)
    records = [json.loads(line) for line in whole_lines(path)]
    for record in records:
        if record["kind"] == kind:
            record[field] = value
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    with pytest.raises(SuiteError, match=said):
        resume.check(path, header(path), Asked())


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """An empty store."""
    if request.param == "sqlite":
        made = Database(sqlite_address(tmp_path / "empty.sqlite"))
    else:
        made = Database(Address(request.getfixturevalue("postgresql").new()))
    made.prepare()
    yield made
    made.close()


def write(folder: Path, name: str, *kinds: str, **fields: Any) -> None:
    folder.mkdir(exist_ok=True)
    lines = [{"kind": "run", "schema": 1, "id": name}, *({"kind": kind, **fields} for kind in kinds)]
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def test_the_newest_run_without_an_end_is_found(tmp_path: Path, database: Database) -> None:
    runs = tmp_path / "runs"
    write(runs, "2026-01", "trial")
    write(runs, "2026-02", "trial", "end", interrupted=True)
    write(runs, "2026-03", "trial", "end", interrupted=False, exit_status=1, reported=True)
    (runs / "2026-04.jsonl").write_text("")
    assert resume.find(runs, database, Asked()) == "2026-02"
    assert resume.find(runs, database, Asked("2026-01")) == "2026-01"
    assert resume.find(runs, database, Asked(str(runs / "2026-01.jsonl"))) == "2026-01"
    with pytest.raises(SuiteError, match="2026-03 reached its end"):
        resume.find(runs, database, Asked("2026-03"))
    with pytest.raises(SuiteError, match=r"Expected: a run in .+ Received: '2026-05'\. Did you mean"):
        resume.find(runs, database, Asked("2026-05"))


@pytest.mark.parametrize(
    ("end", "is_open"),
    [
        ({"exit_status": 0, "reported": False}, True),  # killed while it wrote its report
        ({"exit_status": 3, "reported": True}, True),  # something could not be run
        ({"exit_status": 1, "reported": True}, False),
        ({"exit_status": 0}, False),  # of an older version
    ],
)
def test_what_is_left_to_do(end: dict[str, Any], is_open: bool, tmp_path: Path, database: Database) -> None:
    write(tmp_path, "2026-01", "trial", "end", interrupted=False, **end)
    with contextlib.nullcontext() if is_open else pytest.raises(SuiteError, match="reached its end"):
        assert resume.find(tmp_path, database, Asked("2026-01")) == "2026-01"


def test_no_run_at_all(tmp_path: Path, database: Database) -> None:
    with pytest.raises(SuiteError, match="none was killed or interrupted"):
        resume.find(tmp_path, database, Asked())
    with pytest.raises(SuiteError, match="No run is recorded"):
        resume.find(tmp_path, database, Asked("suite/"))


def test_a_lost_file_comes_back_from_the_store(tmp_path: Path, database: Database) -> None:
    lines = [b'{"kind": "run", "schema": 1, "id": "2026-01"}', '{"kind": "claim", "key": "적절"}'.encode()]
    database.add("2026-01", 0, lines)
    assert resume.find(tmp_path, database, Asked()) == "2026-01"
    with pytest.raises(SuiteError, match=r"The store has one of another folder: --resume=2026-01"):
        resume.find(tmp_path, database, Asked(store=database.address))
    path = tmp_path / "2026-01.jsonl"
    resume.mend(path, database)
    assert path.read_bytes() == b"".join(line + b"\n" for line in lines)


@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize("torn", [b"", b'{"kind": "tri'])
def test_a_file_and_the_store_complete_each_other(
    missing: int, torn: bytes, tmp_path: Path, database: Database
) -> None:
    lines = [b'{"kind": "run"}', b'{"kind": "trial"}', b'{"kind": "claim"}']
    whole = b"".join(line + b"\n" for line in lines)
    path = tmp_path / "2026-01.jsonl"
    database.add("2026-01", 0, lines[: 3 - missing])
    path.write_bytes(whole + torn)
    resume.mend(path, database)
    assert path.read_bytes() == whole
    path.write_bytes(b"".join(line + b"\n" for line in lines[:1]) + torn)
    resume.mend(path, database)
    assert path.read_bytes() == b"".join(line + b"\n" for line in lines[: max(3 - missing, 1)])


def test_two_courses_of_one_run_are_left_alone(tmp_path: Path, database: Database) -> None:
    database.add("2026-01", 0, [b'{"kind": "run"}', b'{"kind": "trial", "seed": 1}'])
    path = tmp_path / "2026-01.jsonl"
    path.write_bytes(b'{"kind": "run"}\n{"kind": "trial", "seed": 2}\n')
    before = path.read_bytes()
    with pytest.raises(SuiteError, match="it went on elsewhere"):
        resume.mend(path, database)
    assert path.read_bytes() == before


def test_a_run_that_is_going_on_is_left_alone(first: Finished, tmp_path: Path) -> None:
    path = killed(first, tmp_path, 5)
    with held(lock_file(path.parent, path.stem), "", 0):
        refused = suite(tmp_path, *JAX, "-k", TINY, "--resume")
    assert refused.code == 4
    assert f"ERROR: The run {path.stem} is still going on" in refused.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--dry-run",), "--resume and --dry-run contradict each other"),
        (("-m", "timing"), "--resume and -m timing contradict each other"),
    ],
)
def test_what_does_not_go_with_it(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    refused = suite(tmp_path, "--backend", "jax", *options, "--resume")
    assert refused.code == 4
    assert said in refused.output
