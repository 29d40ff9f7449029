"""``--why --bisect`` on made-up builds: what it says, what it keeps, and bad input. Nothing is installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.why import builds
from harness.why.builds import Build, Builds, commits
from reports import which
from reports.__main__ import main
from reports.which import differ

RELEASES = ["3.0.5", "3.1.0", "3.1.1", "3.2.0", "3.2.1"]
NIGHTLIES = ["3.2.0.dev2024040103", "3.2.0.dev2024040203", "3.2.0.dev2024040303", "3.3.0.dev2024060103"]
LOSS, CLAIM = "loss of a step, as fit reports it", "l2-loss-formula"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The builds that are asked, in order: from the second nightly build on the loss is another."""
    names: list[str] = []

    def answered(self: Builds, path: Path) -> tuple[object, str]:
        version = path.name.removeprefix("keras-")
        names.append(version)
        if version == "3.1.0":
            return None, "ImportError: no JAX"
        new = version in ("3.2.0", "3.2.1", *NIGHTLIES[1:])
        return {"regularization/l2 0.001": {"outputs": [1.0, float("nan")], LOSS: [2.5 if new else 2.25]}}, ""

    monkeypatch.setattr(builds.shutil, "which", lambda name, path=None: "uv")
    monkeypatch.setattr(Builds, "base", tmp_path / "environment-py3.11-numpy-1.26.4-jax-0.5.3" / "bin" / "python")
    monkeypatch.setattr(
        Builds, "versions", lambda self, name, nightly=False: NIGHTLIES if nightly else RELEASES if name else []
    )
    monkeypatch.setattr(Builds, "_install", lambda self, build, path: path.mkdir(parents=True) or "")
    monkeypatch.setattr(Builds, "_asked", answered)
    monkeypatch.setattr(which, "default_backend", lambda: ("jax", "default"))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return names


def search(out: Path, *arguments: str) -> int:
    return main(["--why", "regularization/l2 0.001", "--out", str(out), *arguments])


def test_a_change_is_found_to_the_nightly_build_and_each_build_is_asked_once(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search(tmp_path, "--bisect", "3.0..3.2") == 1
    said = capsys.readouterr().out
    assert said.splitlines() == [
        "keras 3.0.5 to 3.2.1, with numpy 1.26.4, jax 0.5.3, Python 3.11. Looked at: regularization/l2 0.001.",
        "  3.0.5 is the first (0 s)",
        "  3.2.1 differs from those above (0 s)",
        "Between them: 3 releases, 3 nightly builds. For one change about 2 are looked at, 0 s each.",
        "  3.1.1 does as 3.0.5 (0 s)",
        "  3.2.0 does as 3.2.1 (0 s)",
        "  3.2.0.dev2024040203 does as 3.2.1 (0 s)",
        "  3.2.0.dev2024040103 does as 3.0.5 (0 s)",
        "Changed in keras 3.2.0.dev2024040203, so in 3.2.0; 3.2.0.dev2024040103 is as before:",
        f"  regularization/l2 0.001: {LOSS}: 2.25 → 2.5",
    ]
    count = len(asked)
    assert count == len(set(asked))
    assert search(tmp_path, "--bisect", "3.0..3.2") == 1
    assert len(asked) == count  # every answer is kept


def test_builds_that_do_the_same_are_not_searched(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search(tmp_path, "--bisect", "keras:3.2.0..3.2.1") == 0
    assert "3.2.0 and 3.2.1 do the same" in capsys.readouterr().out
    assert asked == ["3.2.0", "3.2.1"]


def test_another_package_is_searched_as_the_backend(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    backends, answered = set[str](), Builds._asked

    def noted(self: Builds, path: Path) -> tuple[object, str]:
        backends.add(self.backend)
        return answered(self, path)

    monkeypatch.setattr(Builds, "_asked", noted)
    search(tmp_path, "--bisect", "torch:3.0.5..3.2.0")
    assert backends == {"torch"}


def test_a_build_that_says_nothing_is_skipped_and_said(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Builds, "nightlies", lambda self, before, after: [])
    assert search(tmp_path, "--bisect", "3.0.5..3.2.0") == 1
    said = capsys.readouterr().out
    assert "  3.1.0 is skipped: ImportError: no JAX\n" in said
    assert "Changed in keras 3.2.0; 3.1.1 is as before:" in said
    assert search(tmp_path, "--bisect", "3.1.0..3.2.0") == 2
    assert "keras 3.1.0 cannot be looked at, so nothing can be searched: ImportError: no JAX" in capsys.readouterr().err


def test_an_interrupted_search_says_how_to_go_on(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = Builds._asked

    def stopped(self: Builds, path: Path) -> tuple[object, str]:
        if len(asked) == 3:
            raise KeyboardInterrupt
        return answered(self, path)

    monkeypatch.setattr(Builds, "_asked", stopped)
    assert search(tmp_path, "--bisect", "3.0..3.2") == 130
    assert "the same command goes on from there" in capsys.readouterr().out
    monkeypatch.setattr(Builds, "_asked", answered)
    assert search(tmp_path, "--bisect", "3.0..3.2") == 1
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bisect", "3.0"], "Invalid --bisect. Expected: two versions, such as 3.1.1..3.3.3. Received: '3.0'."),
        (["--bisect", "3.2.0..3.0.5"], "Expected: an older one first. Received: 3.2.0..3.0.5."),
        (["--bisect", "3.0.5..3.9.9"], "Received: '3.9.9'. Near it: "),
        (["--bisect", "numpy:1.0..2.0"], "Expected: a package of keras, jax, tensorflow, torch. Received: 'numpy'."),
        (["--clone", "x"], "--clone and --script need --bisect"),
        (["--script"], "--clone and --script need --bisect"),
    ],
)
def test_bad_input_is_a_sentence(
    arguments: list[str], said: str, asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search(tmp_path, *arguments) == 2
    assert said in capsys.readouterr().err
    assert asked == []


def test_without_uv_or_an_index_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(builds.shutil, "which", lambda name, path=None: None)
    with pytest.raises(SuiteError, match="python -m pip install uv"):
        Builds("keras", "jax", ["x"], tmp_path)
    monkeypatch.setattr(builds.shutil, "which", lambda name, path=None: "uv")
    failed = subprocess.CompletedProcess([], 1, "", "ERROR: no index\n")
    monkeypatch.setattr(builds.subprocess, "run", lambda *args, **options: failed)
    monkeypatch.setattr(Builds, "base", Path("python"))
    with pytest.raises(SuiteError, match="versions of keras are not to be had: ERROR: no index"):
        Builds("keras", "jax", ["x"], tmp_path).versions("keras")


def test_the_environment_is_that_of_the_versions_matrix() -> None:
    text = (builds.ROOT / "tox.ini").read_text("utf-8")
    assert f"jax: {builds.BACKENDS['jax']}\n" in text
    assert f"keras=={builds.LOCKED}.*" in (builds.ROOT / "requirements" / "base.in").read_text("utf-8")
    assert all(what.rpartition(".")[0] in text for name, what in builds.BACKENDS.items() if name != "jax")


def test_commits_between_two_nightly_builds(tmp_path: Path) -> None:
    def git(*command: str, date: str = "") -> str:
        moment = {"GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date} if date else {}
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        ran = subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *command],
            env={**builds.os.environ, **moment},
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout.strip()

    git("init", "-q")
    made = []
    for day in (1, 2, 3, 4):
        git("commit", "-q", "--allow-empty", "-m", str(day), date=f"2024-04-0{day}T12:00:00Z")
        made.append(git("rev-parse", "HEAD"))
    between = commits(tmp_path, Build(NIGHTLIES[1]), Build("3.2.0.dev2024040403"))
    assert [build.version for build in between] == made[1:3]
    with pytest.raises(SuiteError, match=r"3\.2\.0 is no nightly build"):
        commits(tmp_path, Build(NIGHTLIES[0]), Build("3.2.0"))
    with pytest.raises(SuiteError, match="a clone of the package's repository"):
        commits(tmp_path / "none", Build(NIGHTLIES[0]), Build(NIGHTLIES[1]))


def test_another_backend_or_a_file_is_held_against(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = {"jax": {"x/y": {"order of the data in fit": [1.0], "outputs": [1.0], LOSS: [2.0], "z": [0.0]}}}
    sides["tensorflow"] = {"x/y": {"order of the data in fit": [2.0], "outputs": [1.0], LOSS: [2.5], "z": [1.0]}}
    monkeypatch.setattr(which, "probed", lambda backend, names: sides[backend])
    monkeypatch.setattr(which, "check_installed", lambda name: None)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    command = ["--why", "x/y", "--out", str(tmp_path), "--against"]
    assert main([*command, "tensorflow"]) == 1
    assert capsys.readouterr().out == f"x/y: {LOSS}: 2 on jax, 2.5 on tensorflow; 1 more\n"
    file = tmp_path / "side.json"
    file.write_text(json.dumps(sides["jax"]))
    assert main([*command, str(file)]) == 0
    assert capsys.readouterr().out == "x/y: alike in 3 stages\n"
    for text in ("[1]", '{"x/y": 1}', "{"):
        file.write_text(text)
        assert main([*command, str(file)]) == 2
        assert "Invalid --against. Expected: a backend (tensorflow, jax, torch), or" in capsys.readouterr().err
    assert main([*command, "jax", "--bisect", "3.0..3.1"]) == 2


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ("loss: 1.5 2e-05 nan", "loss: 1.5000001 2e-05 nan", False),
        ("loss: 1.5", "loss: 1.501", True),
        ("loss: 1.5", "loss: nan", True),
        ("loss: 1.5", "ValueError: only one of clipnorm 1.5", True),
        ("loss: 1.5 2.5", "loss: 1.5", True),
    ],
)
def test_lines_differ_in_words_or_beyond_rounding(then: str, now: str, expected: bool) -> None:
    assert differ(then, now) is expected


def test_a_damaged_answer_is_asked_again_and_a_full_disk_is_a_sentence(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert search(tmp_path, "--bisect", "3.0..3.2") == 1
    (answer,) = tmp_path.rglob("answers/keras-3.1.1-*.json")
    answer.write_text('{"sides": ')
    count = len(asked)
    assert search(tmp_path, "--bisect", "3.0..3.2") == 1
    assert asked[count:] == ["3.1.1"]

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    answer.unlink()
    monkeypatch.setattr(builds, "replace_file", full)
    assert search(tmp_path, "--bisect", "3.0..3.2") == 2
    assert "The search cannot go on: [Errno 28] No space left on device. What builds did is" in capsys.readouterr().err
