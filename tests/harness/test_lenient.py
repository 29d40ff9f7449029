"""A mistake in a module of a catalogue costs what depends on it, and is told with place and fix."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.catalogue import Broken, load
from harness.claim import Claim

HEAD = """from __future__ import annotations

from harness.claim import Claim
from harness.rules import Best, Exceeds
from tests.harness.synthetic import check, claim, exact, experiment
"""
GOOD = """
DEPTH = experiment(id="{0}")

A = claim(id="{0}-a", experiment=DEPTH)
B = claim(
    id="{0}-b",
    experiment=DEPTH,
    rule=Exceeds("deep", "shallow"),
)

CLAIMS = (A, B)
"""
NUMBERS = itertools.count()
Load = Callable[..., tuple[tuple[Claim, ...], tuple[Broken, ...]]]


@pytest.fixture
def lecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Writes modules into a new package and loads those asked for, all by default."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def make(modules: dict[str, str], sections: tuple[str, ...] = ()) -> tuple[tuple[Claim, ...], tuple[Broken, ...]]:
        package = f"lecture{next(NUMBERS)}"
        for name, text in {"__init__": "", **modules}.items():
            path = tmp_path / package / f"{name.replace('.', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace("PACKAGE", package), "utf-8")
        __import__(package)
        return load(package, sections or tuple(modules))

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def text(one: str = "one", *changes: tuple[str, str]) -> str:
    made = HEAD + GOOD.format(one)
    for old, new in changes:
        assert old in made
        made = made.replace(old, new)
    return made


def keys(claims: tuple[Claim, ...]) -> list[str]:
    return [claim.key for claim in claims]


def test_without_a_mistake(lecture: Load) -> None:
    claims, broken = lecture({"first": text("one"), "second": text("two")})
    assert keys(claims) == ["one-a", "one-b", "two-a", "two-b"]
    assert broken == ()


# what is changed in the module; name and line of the report; what it says; the claims that are left
MISTAKES: dict[str, tuple[tuple[str, str], str, int, tuple[str, ...], list[str]]] = {
    "unknown experiment": (
        ('"one-a", experiment=DEPTH', '"one-a", experiment=DEEPTH'),
        "one-a", 9, ("NameError: name 'DEEPTH'", "Did you mean 'DEPTH'?"), ["one-b"],
    ),
    "missing slide": (
        ('"one-a", ', '"one-a", slide="", '), "one-a", 9, ("slide of claim 'one-a'", "a non-empty text"), ["one-b"],
    ),
    "no kebab-case": (('"one-b"', '"one_b"'), "one_b", 10, ("id of claim 'one_b'", "kebab-case"), ["one-a"]),
    "too few variants": (
        ('Exceeds("deep", "shallow")', 'Best("deep", among=("deep",))'),
        "one-b", 13, ("Invalid", "Expected: ", "Received: "), ["one-a"],
    ),
    "unknown variant": (
        ('Exceeds("deep"', 'Exceeds("deap"'), "one-b", 10, ("variant 'deap'", "Did you mean 'deep'?"), ["one-a"],
    ),
    "no comma": (
        ('id="one-b",', 'id="one-b"'), "one-b", 11, ("a statement of Python", "SyntaxError"), ["one-a"],
    ),
    "no closing bracket": (
        ('experiment=DEPTH)', 'experiment=DEPTH'), "one-a", 9, ("SyntaxError", "Mend it"), ["one-b"],
    ),
    "bad indentation": (
        ("A = claim", "  A = claim"), "one-a", 9, ("IndentationError",), ["one-b"],
    ),
    "unfinished text": (('id="one-a",', 'id="one-a,'), "A", 9, ("SyntaxError", "unterminated"), ["one-b"]),
    "wrong name in an import": (
        ("check, claim,", "chekc, claim,"), "chekc", 5, ("cannot import name 'chekc'", "Did you mean 'check'?"),
        ["one-a", "one-b"],
    ),
    "import of a module that is not there": (
        ("from harness.rules import", "import kears\nfrom harness.rules import"),
        "kears", 4, ("No module named 'kears'",), ["one-a", "one-b"],
    ),
    "unknown argument": (
        ('A = claim(', 'A = Claim(statment="x", '), "one-a", 9, ("statment", "Did you mean 'statement'?"), ["one-b"],
    ),
    "broken while it is checked": (
        ('"one-a", ', '"one-a", variants=1 / 0, '), "one-a", 9, ("ZeroDivisionError", "a statement that can be run"),
        ["one-b"],
    ),
    "claim that is not there": (
        ("(A, B)", "(A, B, C)"), "C", 16, ("name 'C' is not defined",), ["one-a", "one-b"],
    ),
    "one claim instead of a tuple": (
        ("(A, B)", "(A)"), "PACKAGE.first.CLAIMS", 1, ("a tuple of claims", "Received: Claim", "commas"), ["one-a"],
    ),
    "a list of claims in the tuple": (
        ("(A, B)", "(A, [B])"), "PACKAGE.first.CLAIMS", 1, ("list in it",), ["one-a"],
    ),
    "no claims": (("CLAIMS =", "CLAIM ="), "PACKAGE.first", 0, ("no attribute 'CLAIMS'",), []),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake(mistake: str, lecture: Load) -> None:
    change, name, line, said, left = MISTAKES[mistake]
    claims, broken = lecture({"first": text("one", change), "second": text("two")})
    assert keys(claims) == [*left, "two-a", "two-b"]
    (found,) = broken
    package = found.where.split("/")[0]
    assert found.name == name.replace("PACKAGE", package)
    assert found.where == (f"{package}/first.py:{line}" if line else f"{package}/__init__.py")
    assert all(part in found.error for part in said)
    assert all(part in found.error for part in ("Invalid ", " Expected: ", " Received: "))
    assert found.error in found.message
    assert found.where in found.message


def test_what_uses_a_broken_name_is_told_with_it_and_not_again(lecture: Load) -> None:
    claims, broken = lecture({"first": text("one", ('id="one")', 'id="one", variants=())')), "second": text("two")})
    assert keys(claims) == ["two-a", "two-b"]
    assert [(found.name, found.costs) for found in broken] == [("one", ("one-a", "one-b"))]
    assert "Left out because of it: one-a, one-b." in broken[0].message


def test_also_in_another_module(lecture: Load) -> None:
    shared = HEAD + '\nOTHER = 1\n\nDEPTH = experiment(id="Shared")\n'
    use = text("one", ('DEPTH = experiment(id="one")', "from PACKAGE.shared import DEPTH, OTHER"))
    lazy = text(
        "two", ('DEPTH = experiment(id="two")', 'from PACKAGE import shared\n\nDEPTH = experiment(id="two")'),
        ('"two-a", experiment=DEPTH', '"two-a", experiment=shared.DEPTH'),
    )  # fmt: skip
    claims, broken = lecture({"shared": shared, "first": use, "second": lazy}, ("first", "second"))
    assert keys(claims) == ["two-b"]
    assert [(found.name, found.costs) for found in broken] == [("Shared", ("one-a", "one-b", "two-a"))]
    assert broken[0].where.endswith("shared.py:9")


def test_a_function_that_uses_a_broken_name_is_not_there_either(lecture: Load) -> None:
    function = "def made(name):\n    SIZE = 1\n    return claim(id=name, experiment=DEPTH)\n"
    module = text(
        "one", ("A = claim", f"{function}\n\nA = claim"), ('claim(id="one-a", experiment=DEPTH)', 'made("a")')
    )
    claims, broken = lecture({"first": module.replace('id="one")', 'id="one", metrics=())')})
    assert keys(claims) == []
    assert [(found.name, found.costs) for found in broken] == [("one", ("A", "one-b"))]


def test_cases_made_by_a_function_are_kept_one_by_one(lecture: Load) -> None:
    cases = 'CASES = (claim(id="c", case="x"), claim(id="c", case="y", rule=Exceeds("deap", "deep")), *(A, B))\n'
    claims, broken = lecture({"first": text("one", ("CLAIMS = (A, B)", f"{cases}CLAIMS = (*CASES,)"))})
    assert keys(claims) == ["c/x", "one-a", "one-b"]
    assert [(found.name, found.costs) for found in broken] == [("c/y", ())]


def test_no_other_tuple_is_cut(lecture: Load) -> None:
    """An experiment with fewer rates than declared would be another one."""
    rates = 'RATES = (0.1, 1 / 0)\nA = claim(id="one-a", notes=tuple(map(str, RATES)))'
    claims, broken = lecture({"first": text("one", ('A = claim(id="one-a", experiment=DEPTH)', rates))})
    assert keys(claims) == ["one-b"]
    assert [(found.name, found.costs) for found in broken] == [("RATES", ("one-a",))]


def test_ids_of_other_claims_and_experiments(lecture: Load) -> None:
    second = text("two", ('"two-a"', '"one-a"'))
    third = text(
        "three", ('experiment(id="three")', 'experiment(id="one")'), ('id="three-a", experiment=DEPTH', 'id="three-a"')
    )
    claims, broken = lecture({"first": text("one"), "second": second, "third": third})
    assert keys(claims) == ["one-a", "one-b", "two-b", "three-a"]
    assert [(found.name, found.where.split("/")[1]) for found in broken] == [
        ("one-a", "second.py:9"),
        ("three-b", "third.py:10"),
    ]
    assert "'one-a' more than once, first in" in broken[0].error
    assert "first.py:9" in broken[0].error
    assert "'one' for two experiments" in broken[1].error


def test_a_section_that_is_not_there(lecture: Load) -> None:
    claims, broken = lecture(
        {"first": text("one"), "part.__init__": "", "part.inner": text("two")}, ("first", "part.iner")
    )
    assert keys(claims) == ["one-a", "one-b"]
    (found,) = broken
    assert "Did you mean 'part.inner'" in found.error
    assert found.where.endswith("/__init__.py")


def test_a_section_of_several_modules(lecture: Load) -> None:
    package = "from PACKAGE.part import inner, iner, other\n\nCLAIMS = (*inner.CLAIMS, *iner.CLAIMS, *other.CLAIMS)\n"
    modules = {"part.__init__": package, "part.inner": text("one"), "part.other": text("two", ('"two-a"', '"two_a"'))}
    claims, broken = lecture(modules, ("part",))
    assert keys(claims) == ["one-a", "one-b", "two-b"]
    assert [found.name for found in broken] == ["two_a", "iner"]
    assert "Did you mean 'inner'" in broken[1].error


def test_letters_that_are_no_utf_8(lecture: Load, tmp_path: Path) -> None:
    claims, broken = lecture({"first": text("one"), "second": "x = 1\n"}, ("first",))
    path = next(tmp_path.glob("lecture*/second.py"))
    path.write_bytes(b"x = '\xff'\nCLAIMS = ()\n")
    claims, broken = load(path.parent.name, ("first", "second"))
    assert keys(claims) == ["one-a", "one-b"]
    assert [found.where.split("/")[1] for found in broken] == ["second.py:1"]


def test_afterwards_imports_are_as_ever(lecture: Load, tmp_path: Path) -> None:
    lecture({"first": text("one")})
    package = next(tmp_path.glob("lecture*"))
    (package / "wrong.py").write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        __import__(f"{package.name}.wrong")


def test_the_catalogue_has_no_mistake() -> None:
    code = "import cases; assert cases.BROKEN == (), [one.message for one in cases.BROKEN]"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
