"""The options checked one by one: a value is taken as written, or refused with a SuiteError."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SuiteError
from suite.options import MOST_SEEDS, check, check_one_process

DEFAULTS: dict[str, Any] = {
    "--backend": None, "--update-baselines": None, "--setting": "quick", "--seeds": None, "--engine": "auto",
    "--baseline-dir": "baselines", "--report-dir": "out", "--require-baselines": False, "--require-gpu": False,
    "strict": False,
}  # fmt: skip


def checked(environ: dict[str, str] | None = None, **given: Any) -> Any:
    values = DEFAULTS | {f"--{name.replace('_', '-')}": value for name, value in given.items()}
    return check(SimpleNamespace(getoption=values.__getitem__), environ or {})


def outcome(**given: Any) -> tuple[Any, str]:
    """The options, or None and the error's text; any other exception is a failure."""
    try:
        return checked(**given), ""
    except SuiteError as error:
        return None, str(error)


def test_what_is_not_given() -> None:
    options = checked()
    assert (options.backend, options.backend_from, options.seeds, options.update) == (
        "tensorflow",
        "default",
        None,
        None,
    )
    assert options.baselines == Path("baselines")


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


@given(st.text() | st.integers().map(str) | st.from_regex("[0-9]{1,400}", fullmatch=True))
def test_any_seeds_are_a_number_or_one_short_message(text: str) -> None:
    options, error = outcome(seeds=text)
    if options is None:
        assert "Invalid --seeds" in error
        assert len(error) < 400
    else:
        assert options.seeds == int(text)
        assert 1 <= options.seeds <= MOST_SEEDS


@given(st.sampled_from(["backend", "setting", "engine"]), st.text())
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
    checked(**{option: str(tmp_path / "not yet")})
    checked(**{option: "x" * 5000})  # whoever makes the folder says that the name is too long


@pytest.mark.parametrize(("dist", "count"), [("load", 2), ("loadscope", "auto"), ("no", 4)])
def test_several_processes_are_refused(dist: str, count: object) -> None:
    given = {"dist": dist, "numprocesses": count}
    with pytest.raises(SuiteError, match="one process"):
        check_one_process(SimpleNamespace(getoption=lambda name, default=None: given.get(name, default)))


@pytest.mark.parametrize("given", [{}, {"dist": "no", "numprocesses": None}, {"dist": "no", "numprocesses": 0}])
def test_one_process_passes(given: dict[str, object]) -> None:
    check_one_process(SimpleNamespace(getoption=lambda name, default=None: given.get(name, default)))
