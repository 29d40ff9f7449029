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
from suite.options import ENGINE_NAMES, FULL_SEEDS, LAST_SEED, MOST_SEEDS, MOST_WORKERS, Options, add, check


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
        args=[],
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
    ("environment", "option", "backend", "source"),
    [
        (None, "jax", "jax", "--backend"),
        ("jax", None, "jax", "KERAS_BACKEND"),
        ("", None, "tensorflow", "default"),
        ("jax", "jax", "jax", "--backend"),
        ("torch", "jax", "jax", "--backend, over KERAS_BACKEND=torch"),
    ],
)
def test_where_the_backend_comes_from(environment: str | None, option: str | None, backend: str, source: str) -> None:
    options = checked({} if environment is None else {"KERAS_BACKEND": environment}, backend=option)
    assert (options.backend, options.backend_from) == (backend, source)


@pytest.mark.parametrize(
    ("text", "general", "own", "most"),
    [
        *((text, int(text), {}, None) for text in ("1", "5", "007", str(MOST_SEEDS))),
        ("5,example-4=30", 5, {"example-4": 30}, None),
        ("example-4=30,5", 5, {"example-4": 30}, None),
        ("example-4=30", None, {"example-4": 30}, None),
        ("256,example-3=1024,example-4=1024", 256, {"example-3": 1024, "example-4": 1024}, None),
        *((text, None, {}, AsNeeded(most)) for text, most in (("auto", 30), ("auto:5", 5), ("auto:100", 100))),
    ],
)
def test_seeds(text: str, general: int | None, own: dict[str, int], most: AsNeeded | None) -> None:
    options = checked(seeds=text)
    default = 5 if most else FULL_SEEDS
    assert (options.seeds, dict(options.more_seeds), options.as_needed) == (general, own, most)
    assert options.seeds_of("example-4") == own.get("example-4", general or default)
    assert options.seeds_of("example-1") == (general or default)


@pytest.mark.parametrize(
    ("expression", "asked"),
    [("", False), ("timing", True), ("not timing", False), ("exact or timing", True), ("exact", False)],
)
def test_when_the_timing_runs_are_asked_for(expression: str, asked: bool) -> None:
    assert parsed("-m", expression).timing is asked


def test_folders(tmp_path: Path) -> None:
    """Whoever makes a folder says that its name is too long."""
    for text in (str(tmp_path), str(tmp_path / "not yet"), "x" * 5000):
        checked(report_dir=text)
        checked(baseline_dir=text, update_baselines="why")
    checked(baseline_dir=str(tmp_path))


FULL = ("--full",)
TIMED = ("-m", "timing")
# the options, and what the message must say
REFUSED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "backend": (("--backend", "jaxx"), ("--backend", "tensorflow, jax, torch", "'jaxx'", "Did you mean 'jax'?")),
    **{
        f"{options[0]} of a check, {options[-1]}": (options, (f"{options[0]} needs --full", "Add --full"))
        for options in (("--seeds", "5"), ("--seeds", "auto"), ("--seeds", "example-4=5"), ("--first-seed", "5"),
                        ("--reuse",))
    },
    **{
        f"{name} and {other}": (
            (*FULL, *(name, *value), *(other, *value_of_other)),
            (f"{name} and {other} contradict each other: ", "Leave one of them out."),
        )
        for name, value, other, value_of_other in (
            ("--reuse", (), "--dry-run", ()), ("--reuse", (), "--strict", ()),
            ("--reuse", (), "--require-baselines", ()),
            ("--reuse", (), "--update-baselines", ("x",)), ("--update-baselines", ("x",), "--first-seed", ("5",)),
            ("--resume", (), "--dry-run", ()), ("--workers", ("2",), "--cluster", ("tcp://h:1",)),
        )
    },
    **{
        f"{' '.join(options)} and -m timing": (
            (*options, *TIMED), (f"{said} and -m timing contradict each other: ", "Leave one of them out."),
        )
        for said, options in (
            ("--resume", ("--resume",)), ("--cluster", ("--cluster", "tcp://h:1")), ("--workers", ("--workers", "2")),
            ("--engine vectorized", ("--engine", "vectorized")),
        )
    },
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
def test_workers_of_xdist_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(SuiteError, match=r"Use --workers N\."):
        parsed(**asked)


# Any values in any combination: they are accepted as written, or one short line names the option.

WORDS = st.text(max_size=12) | st.sampled_from(["", " ", "\n", "\0", "\udcff", "0", "-1", "1e3", "٣", "9" * 5000])
EDGES = [0, 1, MOST_SEEDS, MOST_SEEDS + 1, LAST_SEED - MOST_SEEDS, LAST_SEED - MOST_SEEDS + 1, LAST_SEED, LAST_SEED + 1]
NUMBERS = WORDS | st.integers(-3, 2**33).map(str) | st.sampled_from(EDGES).map(str) | st.just("0001")
ANYTHING: dict[str, st.SearchStrategy[Any]] = {
    "full": st.booleans(),
    "seeds": st.none() | NUMBERS,
    "first_seed": NUMBERS,
    "backend": st.none() | st.sampled_from(NAMES) | WORDS,
    "engine": st.sampled_from(ENGINE_NAMES) | WORDS,
    "precision": st.sampled_from(PRECISIONS) | WORDS,
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
ENVIRONMENTS = st.dictionaries(st.just("KERAS_BACKEND"), st.sampled_from(NAMES) | WORDS)


@settings(max_examples=600, deadline=None)
@given(ENVIRONMENTS, COMBINATIONS)
def test_any_combination(environ: dict[str, str], values: dict[str, Any]) -> None:
    try:
        options = checked(environ, **values)
    except SuiteError as error:
        said = str(error)
        assert len(said) < 500
        assert "\n" not in said
        assert any(f"--{name.replace('_', '-')}" in said for name in values) or "KERAS_BACKEND" in said
        return
    assert options.full or not (options.seeds or options.more_seeds or options.first_seed or options.reuse)
    assert options.backend == (values.get("backend") or environ.get("KERAS_BACKEND") or "tensorflow") in NAMES
    assert options.engine == values.get("engine", "auto") in ENGINE_NAMES
    assert options.precision == values.get("precision", "default") in PRECISIONS
    assert options.first_seed == int(values.get("first_seed", "0")) <= LAST_SEED - MOST_SEEDS
    seeds = values.get("seeds")
    assert options.more_seeds or options.as_needed or options.seeds == (None if seeds is None else int(seeds))
    assert options.seeds is None or 1 <= options.seeds <= MOST_SEEDS
    assert options.workers is None or (1 <= options.workers <= MOST_WORKERS and not options.cluster)
    assert options.update == values.get("update_baselines")
    assert options.update is None or (options.update.strip() and not options.first_seed)  # they contradict each other
    assert not (options.reuse and (options.update is not None or options.require_baselines or options.strict))
