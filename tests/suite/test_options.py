"""The options of a command: each value is accepted as written, or refused with a SuiteError."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.course import ROOT
from harness.errors import SuiteError
from harness.record.run import AsNeeded
from suite.cli.options import FULL_SEEDS, LAST_SEED, MOST_SEEDS, MOST_WORKERS, check, timing

DEFAULTS: dict[str, Any] = {
    "--catalogue": None, "--backend": None, "--update-baselines": None,
    "--full": True, "--seeds": None, "--engine": "auto",
    "--baseline-dir": None, "--report-dir": "out", "--require-baselines": False, "--require-gpu": False,
    "strict": False, "--first-seed": "0", "--reuse": False, "--dry-run": False, "--gate-timing": False,
    "--precision": "default",
    "--store": None, "--resume": None, "--workers": None, "--cluster": "", "dist": "no", "tx": None,
}  # fmt: skip


def checked(environ: dict[str, str] | None = None, **given: Any) -> Any:
    plain = ("strict", "dist", "tx")
    named = {name if name in plain else f"--{name.replace('_', '-')}": value for name, value in given.items()}
    values = DEFAULTS | named
    option = SimpleNamespace(markexpr=values.pop("--markexpr", ""))
    getoption: Any = lambda name, default=None: values[name]  # noqa: E731
    return check(SimpleNamespace(getoption=getoption, option=option, rootpath=Path()), environ or {})


def outcome(**given: Any) -> tuple[Any, str]:
    """The options, or None and the text of the SuiteError. Any other exception is a failure."""
    try:
        return checked(**given), ""
    except SuiteError as error:
        return None, str(error)


def test_the_defaults() -> None:
    options = checked()
    assert (options.backend, options.backend_from, options.seeds, options.update) == (
        "tensorflow",
        "default",
        None,
        None,
    )
    assert options.baselines == ROOT / "baselines"


@pytest.mark.parametrize(
    ("environ", "option", "backend", "source"),
    [
        ({}, "jax", "jax", "--backend"),
        ({"KERAS_BACKEND": "jax"}, None, "jax", "KERAS_BACKEND"),
        ({"KERAS_BACKEND": ""}, None, "tensorflow", "default"),
        ({"KERAS_BACKEND": "jax"}, "jax", "jax", "--backend"),
        ({"KERAS_BACKEND": "torch"}, "jax", "jax", "--backend, over KERAS_BACKEND=torch"),
    ],
)
def test_where_the_backend_comes_from(environ: dict[str, str], option: str | None, backend: str, source: str) -> None:
    options = checked(environ, backend=option)
    assert (options.backend, options.backend_from) == (backend, source)


@pytest.mark.parametrize("text", ["1", "5", "007", str(MOST_SEEDS)])
def test_seeds(text: str) -> None:
    assert checked(seeds=text).seeds == int(text)


@pytest.mark.parametrize(
    "text", ["", " ", "0", "-1", "+5", "5.0", "1e2", "1_0", " 5", "٣", "五", "100001", "nan", "5\n"]
)
def test_other_seeds(text: str) -> None:
    with pytest.raises(SuiteError, match="Invalid --seeds"):
        checked(seeds=text)


@pytest.mark.parametrize(
    ("text", "general", "own"),
    [
        ("5", 5, {}),
        ("5,example-4=30", 5, {"example-4": 30}),
        ("example-4=30,5", 5, {"example-4": 30}),
        ("example-4=30", None, {"example-4": 30}),
        ("256,example-3=1024,example-4=1024", 256, {"example-3": 1024, "example-4": 1024}),
    ],
)
def test_seeds_of_an_experiment(text: str, general: int | None, own: dict[str, int]) -> None:
    options = checked(seeds=text)
    assert (options.seeds, dict(options.more_seeds)) == (general, own)
    assert options.seeds_of("example-4") == own.get("example-4", general)
    assert options.seeds_of("example-1") == (general or FULL_SEEDS)


@pytest.mark.parametrize(
    "text",
    [
        "5,5",
        "5,example-4=",
        "=5",
        "example-4=0",
        "example-4=5,example-4=5",
        "a b=5",
        "5,",
        "auto,5",
        "A=5",
        "auto:4",
        "auto:",
        "auto:x",
    ],
)
def test_other_seeds_of_an_experiment(text: str) -> None:
    with pytest.raises(SuiteError, match="Invalid --seeds"):
        checked(seeds=text)


@pytest.mark.parametrize(("text", "most"), [("auto", 30), ("auto:5", 5), ("auto:100", 100)])
def test_seeds_as_needed(text: str, most: int) -> None:
    options = checked(seeds=text)
    assert options.as_needed == AsNeeded(most)
    assert (options.seeds, options.seeds_of("example-4")) == (None, 5)


@given(st.text() | st.integers().map(str) | st.from_regex("[0-9]{1,400}", fullmatch=True))
def test_any_seeds_are_a_number_or_one_short_message(text: str) -> None:
    options, error = outcome(seeds=text)
    if options is None:
        assert "Invalid --seeds" in error
        assert len(error) < 400
    elif options.seeds is None:
        assert options.more_seeds or options.as_needed
    else:
        assert options.seeds == int(text)
        assert 1 <= options.seeds <= MOST_SEEDS


@given(st.sampled_from(["backend", "engine", "precision"]), st.text(max_size=40))
def test_any_name_is_known_or_named_in_the_message(option: str, text: str) -> None:
    options, error = outcome(**{option: text})
    if options is None:
        assert f"Invalid --{option}" in error
        assert repr(text) in error
    else:
        assert getattr(options, option) == text


@given(st.text())
def test_a_reason_needs_words(text: str) -> None:
    if text.strip():
        assert checked(update_baselines=text).update == text
    else:
        with pytest.raises(SuiteError, match="a reason"):
            checked(update_baselines=text)


@pytest.mark.parametrize("option", ["report_dir", "baseline_dir"])
def test_folders(option: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for text in ("", " ", str(file)):
        with pytest.raises(SuiteError, match=r"Expected: (the name of )?a folder"):
            checked(**{option: text})
    checked(**{option: str(tmp_path)})
    for text in (str(tmp_path / "not yet"), "x" * 5000):  # whoever makes the folder says that the name is too long
        checked(**{option: text}, update_baselines="why")
        if option == "baseline_dir":
            with pytest.raises(SuiteError, match=r"Expected: a folder with evidence.* does not exist"):
                checked(**{option: text})


@pytest.mark.parametrize("text", ["0", "7", "0100", str(LAST_SEED - MOST_SEEDS)])
def test_first_seeds(text: str) -> None:
    assert checked(first_seed=text).first_seed == int(text)


@pytest.mark.parametrize("text", ["", "-1", "1.0", "five", str(LAST_SEED), "9" * 400])
def test_other_first_seeds(text: str) -> None:
    with pytest.raises(SuiteError, match="Invalid --first-seed"):
        checked(first_seed=text)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"reuse": True, "update_baselines": "why"}, "--update-baselines"),
        ({"reuse": True, "require_baselines": True}, "--require-baselines"),
        ({"reuse": True, "strict": True}, "--strict"),
        ({"reuse": True, "dry_run": True}, "--dry-run"),
        ({"first_seed": "5", "update_baselines": "why"}, "--update-baselines"),
        ({"resume": "", "dry_run": True}, "--dry-run"),
        ({"workers": "2", "cluster": "tcp://h:1"}, "--cluster"),
    ],
)
def test_contradictions_are_refused(given: dict[str, Any], named: str) -> None:
    with pytest.raises(SuiteError, match=rf"{named}.* contradict each other|contradict each other.*{named}") as refused:
        checked(**given)
    assert "out." in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seeds", "5"),
        ("seeds", "auto"),
        ("seeds", "example-4=5"),
        ("first_seed", "1"),
        ("reuse", True),
    ],
)
def test_options_of_a_run_to_the_end_need_full(name: str, value: Any) -> None:
    checked(**{name: value})
    with pytest.raises(SuiteError, match=f"--{name.replace('_', '-')} needs --full"):
        checked(full=False, **{name: value})


@pytest.mark.parametrize(("text", "number"), [(None, None), ("1", 1), ("16", 16), (str(MOST_WORKERS), MOST_WORKERS)])
def test_workers(text: str | None, number: int | None) -> None:
    assert checked(workers=text).workers == number


@pytest.mark.parametrize("text", ["", "0", "-2", "two", "2.0", "auto", str(MOST_WORKERS + 1)])
def test_other_workers(text: str) -> None:
    with pytest.raises(SuiteError, match=r"Invalid --workers\. Expected: a whole number from 1 to "):
        checked(workers=text)


@pytest.mark.parametrize("given", [{"dist": "load"}, {"dist": "each"}, {"tx": ["popen"]}])
def test_workers_of_xdist_are_refused(given: dict[str, Any]) -> None:
    for full in (True, False):
        with pytest.raises(SuiteError, match=r"Use --workers N\."):
            checked(full=full, **given)


@pytest.mark.parametrize(
    ("expression", "asked"),
    [("", False), ("timing", True), ("not timing", False), ("exact or timing", True), ("exact", False)],
)
def test_when_the_timing_runs_are_asked_for(expression: str, asked: bool) -> None:
    assert timing(SimpleNamespace(option=SimpleNamespace(markexpr=expression))) is asked
