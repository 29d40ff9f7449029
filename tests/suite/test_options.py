"""The options of a command: each value is accepted as written, or refused with one short sentence that names it."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from _pytest.config import get_config
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.course import ROOT
from harness.errors import SuiteError
from harness.record.run import AsNeeded
from harness.training.backend import PRECISIONS
from harness.training.backends import NAMES
from suite.cli.options import (
    ENGINE_NAMES,
    FULL_SEEDS,
    LAST_SEED,
    MOST_SEEDS,
    MOST_WORKERS,
    Options,
    add,
    check,
    timing,
)


@functools.cache
def parser() -> pytest.Parser:
    """pytest's own, with the options of the suite."""
    config = get_config()
    add(config._parser)
    return config._parser


def parsed(*arguments: str, environ: dict[str, str] | None = None, **plugins: Any) -> Options:
    """The checked options of a command line; ``plugins``: the options of plugins."""
    values: Any = parser().parse_known_args(list(arguments))
    vars(values).update(plugins)
    config: Any = SimpleNamespace(
        getoption=lambda name, default=None: getattr(values, name.lstrip("-").replace("-", "_"), default),
        option=values,
        rootpath=Path(),
        pluginmanager=SimpleNamespace(hasplugin=lambda name: f"no:{name}" not in values.plugins),
    )
    return check(config, environ or {})


def checked(environ: dict[str, str] | None = None, full: bool = True, **given: str | bool | None) -> Options:
    """The checked options by their names, of a run to the end."""
    named = {f"--{name.replace('_', '-')}": value for name, value in given.items() if value not in (None, False)}
    arguments = [name if value is True else f"{name}={value}" for name, value in named.items()]
    return parsed(*(["--full"] if full else []), *arguments, environ=environ)


def test_the_defaults() -> None:
    options = checked()
    assert (options.backend, options.backend_from) == ("tensorflow", "default")
    assert (options.seeds, options.update, options.baselines) == (None, None, ROOT / "baselines")


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


@pytest.mark.parametrize(
    ("text", "general", "own"),
    [
        *((text, int(text), {}) for text in ("1", "5", "007", str(MOST_SEEDS))),
        ("5,example-4=30", 5, {"example-4": 30}),
        ("example-4=30,5", 5, {"example-4": 30}),
        ("example-4=30", None, {"example-4": 30}),
        ("256,example-3=1024,example-4=1024", 256, {"example-3": 1024, "example-4": 1024}),
    ],
)
def test_seeds(text: str, general: int | None, own: dict[str, int]) -> None:
    options = checked(seeds=text)
    assert (options.seeds, dict(options.more_seeds)) == (general, own)
    assert options.seeds_of("example-4") == own.get("example-4", general)
    assert options.seeds_of("example-1") == (general or FULL_SEEDS)


@pytest.mark.parametrize(("text", "most"), [("auto", 30), ("auto:5", 5), ("auto:100", 100)])
def test_seeds_as_needed(text: str, most: int) -> None:
    options = checked(seeds=text)
    assert (options.as_needed, options.seeds, options.seeds_of("example-4")) == (AsNeeded(most), None, 5)


@pytest.mark.parametrize(("text", "number"), [(None, None), ("1", 1), ("16", 16), (str(MOST_WORKERS), MOST_WORKERS)])
def test_workers(text: str | None, number: int | None) -> None:
    assert checked(workers=text).workers == number


FULL = ("--full",)
TIMED = ("-m", "timing")
# the options, and what the message must say
REFUSED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "backend": (("--backend", "jaxx"), ("--backend", "tensorflow, jax, torch", "'jaxx'", "Did you mean 'jax'?")),
    "seeds of a check": (("--seeds", "5"), ("--seeds needs --full", "Add --full")),
    "seeds of a check as needed": (("--seeds", "auto"), ("--seeds needs --full",)),
    "seeds of one experiment": (("--seeds", "example-4=5"), ("--seeds needs --full",)),
    "first seed of a check": (("--first-seed", "5"), ("--first-seed needs --full",)),
    "reuse in a check": (("--reuse",), ("--reuse needs --full",)),
    "reused dry run": (
        (*FULL, "--reuse", "--dry-run"), ("--reuse and --dry-run contradict each other", "Leave one of them out.")
    ),
    "reused and required": ((*FULL, "--reuse", "--require-baselines"), ("--reuse and --require-baselines",)),
    "reused and strict": ((*FULL, "--reuse", "--strict"), ("--reuse and --strict",)),
    "reused baselines": ((*FULL, "--reuse", "--update-baselines", "x"), ("--reuse and --update-baselines",)),
    "baselines from a seed on": (
        (*FULL, "--first-seed", "5", "--update-baselines", "x"), ("--update-baselines and --first-seed",)
    ),
    "resumed dry run": (("--resume", "--dry-run"), ("--resume and --dry-run", "Leave one")),
    "resumed timing": (("--resume", *TIMED), ("--resume and -m timing contradict", "Leave one")),
    "workers and a cluster": (("--workers", "2", "--cluster", "tcp://h:1"), ("--workers and --cluster contradict",)),
    "timing on a cluster": (("--cluster", "tcp://h:1", *TIMED), ("--cluster and -m timing contradict",)),
    "timing by workers": (("--workers", "2", *TIMED), ("--workers and -m timing", "Leave one")),
    "vectorized timing": (("--engine", "vectorized", *TIMED), ("--engine vectorized and -m timing",)),
    "timing without plugin": ((*TIMED, "-p", "no:benchmark"), ("-m timing needs", "pytest-benchmark")),
    "engine": (("--engine", "compild"), ("--engine", "'compild'", "Did you mean 'compiled'?")),
    "precision": (("--precision", "tf32"), ("--precision", "default, highest", "'tf32'")),
    "too many seeds": ((*FULL, "--seeds", "9" * 5000), ("--seeds", "to 100000", "9…'")),
    "less than the least": ((*FULL, "--seeds", "auto:3"), ("--seeds auto", "from 5", "'3'")),
    "no reason": (("--update-baselines", " "), ("--update-baselines", "a reason", "' '")),
    "report without name": (("--report-dir", ""), ("--report-dir", "the name of a folder")),
    "report in a file": (("--report-dir", __file__), ("--report-dir", "Expected: a folder", __file__)),
    "baselines in a file": (("--baseline-dir", __file__), ("--baseline-dir", "Expected: a folder", __file__)),
    "no folder of baselines": (("--baseline-dir", "baselnies"), ("--baseline-dir", "'baselnies', which does not")),
    "store of another kind": (("--store", "mysql://me:geheim@h/d"), ("--store", "sqlite:///FILE", "mysql://.")),
    "store without scheme": (("--store", "my.sqlite"), ("--store", "A file is sqlite:///my.sqlite")),
    **{
        f"seeds {text!r}": ((*FULL, f"--seeds={text}"), ("Invalid --seeds",))
        for text in ("", " ", "0", "-1", "+5", "5.0", "1e2", "1_0", " 5", "٣", "五", "100001", "nan", "5\n", "5,5",
                     "5,example-4=", "=5", "example-4=0", "example-4=5,example-4=5", "a b=5", "5,", "auto,5", "A=5",
                     "auto:4", "auto:", "auto:x")
    },
    **{
        f"first seed {text[:9]!r}": ((*FULL, f"--first-seed={text}"), ("Invalid --first-seed", "from 0"))
        for text in ("", "-1", "1.0", "five", str(LAST_SEED), "9" * 400)
    },
    **{
        f"workers {text!r}": ((f"--workers={text}",), ("Invalid --workers", "a whole number from 1 to "))
        for text in ("", "0", "-2", "two", "2.0", "auto", str(MOST_WORKERS + 1))
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    options, said = REFUSED[name]
    with pytest.raises(SuiteError) as refused:
        parsed(*options)
    message = str(refused.value)
    assert [text for text in said if text not in message] == [], message
    assert len(message) < 500
    assert "geheim" not in message


@pytest.mark.parametrize("asked", [{"dist": "load"}, {"dist": "each"}, {"tx": ["popen"]}])
@pytest.mark.parametrize("options", [(), FULL])
def test_workers_of_xdist_are_refused(options: tuple[str, ...], asked: dict[str, Any]) -> None:
    with pytest.raises(SuiteError, match=r"Use --workers N\."):
        parsed(*options, **asked)


def test_folders(tmp_path: Path) -> None:
    """Whoever makes a folder says that its name is too long."""
    for text in (str(tmp_path), str(tmp_path / "not yet"), "x" * 5000):
        checked(report_dir=text)
        checked(baseline_dir=text, update_baselines="why")
    checked(baseline_dir=str(tmp_path))
    with pytest.raises(SuiteError, match=r"Expected: a folder with evidence.* does not exist"):
        checked(baseline_dir=str(tmp_path / "not yet"))


@pytest.mark.parametrize(
    ("expression", "asked"),
    [("", False), ("timing", True), ("not timing", False), ("exact or timing", True), ("exact", False)],
)
def test_when_the_timing_runs_are_asked_for(expression: str, asked: bool) -> None:
    config: Any = SimpleNamespace(option=SimpleNamespace(markexpr=expression))
    assert timing(config) is asked


# Any values in any combination: they are accepted as written, or one short line names the option.

WORDS = st.text(max_size=12) | st.sampled_from(["", " ", "\n", "\0", "\udcff", "0", "-1", "1e3", "٣", "9" * 5000])
EDGES = [0, 1, MOST_SEEDS, MOST_SEEDS + 1, LAST_SEED - MOST_SEEDS, LAST_SEED - MOST_SEEDS + 1, LAST_SEED, LAST_SEED + 1]
NUMBERS = (
    WORDS
    | st.integers(-3, 2**33).map(str)
    | st.sampled_from(EDGES).map(str)
    | st.integers(0, 9).map(lambda n: "0" * n + "1")
)


def name_of(known: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.sampled_from(known) | WORDS


ANYTHING: dict[str, st.SearchStrategy[Any]] = {
    "full": st.booleans(),
    "seeds": st.none() | NUMBERS,
    "first_seed": NUMBERS,
    "backend": st.none() | name_of(NAMES),
    "engine": name_of(ENGINE_NAMES),
    "precision": name_of(PRECISIONS),
    "update_baselines": st.none() | WORDS,
    "baseline_dir": WORDS | st.just(__file__) | st.just(os.path.dirname(__file__)),
    "report_dir": WORDS | st.just(__file__) | st.just(os.path.join(__file__, "below")),
    "require_baselines": st.booleans(),
    "require_gpu": st.booleans(),
    "reuse": st.booleans(),
    "dry_run": st.booleans(),
    "gate_timing": st.booleans(),
    "workers": st.none() | NUMBERS,
    "cluster": WORDS,
}
COMBINATIONS = st.sets(st.sampled_from(sorted(ANYTHING)), max_size=4).flatmap(
    lambda names: st.fixed_dictionaries({name: ANYTHING[name] for name in names})
)
ENVIRONMENTS = st.dictionaries(st.just("KERAS_BACKEND"), name_of(NAMES))


def outcome(environ: dict[str, str], given_: dict[str, Any]) -> Options | str:
    """The options, or the text of their error; any other exception is a failure."""
    try:
        return checked(environ, **given_)
    except SuiteError as error:
        said = str(error)
        assert len(said) < 500
        assert "\n" not in said
        assert any(f"--{name.replace('_', '-')}" in said for name in given_) or "KERAS_BACKEND" in said
        return said


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["seeds", "first_seed", "backend", "engine", "precision", "update_baselines"]), st.data())
def test_any_value(name: str, data: st.DataObject) -> None:
    text = data.draw(st.text(max_size=40) | NUMBERS)
    found = outcome({}, {name: text})
    if isinstance(found, str):
        assert f"--{name.replace('_', '-')}" in found
    elif name == "update_baselines":
        assert found.update == text
        assert text.strip()
    elif name == "first_seed":
        assert found.first_seed == int(text)
        assert 0 <= found.first_seed <= found.first_seed + MOST_SEEDS <= LAST_SEED
    elif name == "seeds":
        assert found.more_seeds or found.as_needed or found.seeds == int(text)
    else:
        assert getattr(found, name) == text


@settings(max_examples=500, deadline=None)
@given(ENVIRONMENTS, COMBINATIONS)
def test_any_combination(environ: dict[str, str], given_: dict[str, Any]) -> None:
    found = outcome(environ, given_)
    if isinstance(found, Options):
        assert found.full or not (found.seeds or found.more_seeds or found.first_seed or found.reuse)
        assert found.backend in NAMES
        assert found.engine in ENGINE_NAMES
        assert found.seeds is None or 1 <= found.seeds <= MOST_SEEDS
        assert found.workers is None or (1 <= found.workers <= MOST_WORKERS and not found.cluster)
        assert not (found.update is not None and found.first_seed)  # they contradict each other
        assert not (found.reuse and (found.update is not None or found.require_baselines or found.strict))


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries({
    "seeds": st.none() | st.integers(1, MOST_SEEDS).map(str),
    "first_seed": st.integers(0, LAST_SEED - MOST_SEEDS).map(str), "backend": st.none() | st.sampled_from(NAMES),
    "engine": st.sampled_from(ENGINE_NAMES), "reuse": st.booleans(),
}))  # fmt: skip
def test_what_is_valid_is_taken_as_written(given_: dict[str, Any]) -> None:
    found = outcome({}, given_)
    assert isinstance(found, Options), found
    assert (found.full, found.reuse) == (True, given_["reuse"])
    assert (found.engine, str(found.first_seed)) == (given_["engine"], given_["first_seed"])
    assert found.seeds == (None if given_["seeds"] is None else int(given_["seeds"]))
    assert found.backend == (given_["backend"] or "tensorflow")
