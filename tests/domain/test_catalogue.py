"""A catalogue module that fails loses its section, and is reported with place and fix."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.domain.catalogue import Broken, load
from harness.domain.claim import Claim

HEAD = """from __future__ import annotations

from harness.domain.claim import Claim
from harness.rules import Best, Exceeds
from tests.domain.synthetic import check, claim, exact, experiment
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


# what is changed in the module; line of the report (0: none); what it says
MISTAKES: dict[str, tuple[tuple[str, str], int, tuple[str, ...]]] = {
    "unknown experiment": (
        ('"one-a", experiment=DEPTH', '"one-a", experiment=DEEPTH'), 9,
        ("NameError: name 'DEEPTH'",),
    ),
    "missing slide": (('"one-a", ', '"one-a", slide="", '), 9, ("slide of claim 'one-a'", "a non-empty text")),
    "no kebab-case": (('"one-b"', '"one_b"'), 10, ("id of claim 'one_b'", "kebab-case")),
    "too few variants": (('Exceeds("deep", "shallow")', 'Best("deep", among=("deep",))'), 13, ("Invalid",)),
    "unknown variant": (('Exceeds("deep"', 'Exceeds("deap"'), 10, ("variant 'deap'", "Did you mean 'deep'?")),
    "no comma": (('id="one-b",', 'id="one-b"'), 11, ("one that runs", "SyntaxError")),
    "bad indentation": (("A = claim", "  A = claim"), 9, ("IndentationError",)),
    "unfinished text": (('id="one-a",', 'id="one-a,'), 9, ("SyntaxError: unterminated",)),
    "wrong name in an import": (("check, claim,", "chekc, claim,"), 5, ("cannot import name 'chekc'",)),
    "import of a module that is not there": (
        ("from harness.rules import", "import kears\nfrom harness.rules import"), 4,
        ("No module named 'kears'",),
    ),
    "unknown argument": (('A = claim(', 'A = Claim(statment="x", '), 9, ("TypeError", "statment")),
    "broken while it is checked": (('"one-a", ', '"one-a", variants=1 / 0, '), 9, ("ZeroDivisionError",)),
    "claim that is not there": (("(A, B)", "(A, B, C)"), 16, ("name 'C' is not defined",)),
    "one claim instead of a tuple": (("(A, B)", "(A)"), 0, ("a tuple of claims", "Received: Claim", "commas")),
    "a list of claims in the tuple": (("(A, B)", "(A, [B])"), 0, ("list in it",)),
    "nothing in the tuple": (("(A, B)", "(A, None)"), 0, ("NoneType in it",)),
    "no claims": (("CLAIMS =", "CLAIM ="), 0, ("a tuple of claims. Received: NoneType",)),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake(mistake: str, lecture: Load) -> None:
    change, line, said = MISTAKES[mistake]
    claims, broken = lecture({"first": text("one", change), "second": text("two")})
    assert keys(claims) == ["two-a", "two-b"]
    (found,) = broken
    package = found.where.split("/")[0]
    assert (found.name, found.costs) == (f"{package}.first", ("first",))
    assert found.where == f"{package}/first.py" + (f":{line}" if line else "")
    assert all(part in found.error for part in said)
    assert all(part in found.error for part in ("Invalid ", " Expected: ", " Received: "))
    assert found.error in found.message
    assert found.where in found.message


def test_a_module_that_sections_share_is_told_once_with_each_of_them(lecture: Load) -> None:
    shared = HEAD + '\nDEPTH = experiment(id="Shared")\n'
    use = text("one", ('DEPTH = experiment(id="one")', "from PACKAGE.shared import DEPTH"))
    more = text("two", ('DEPTH = experiment(id="two")', "from PACKAGE.shared import DEPTH"))
    modules = {"shared": shared, "first": use, "second": more, "third": text("three")}
    claims, broken = lecture(modules, ("first", "second", "third"))
    assert keys(claims) == ["three-a", "three-b"]
    (found,) = broken
    assert found.costs == ("first", "second")
    assert found.where.endswith("shared.py:7")
    assert "Sections left out because of it: first, second." in found.message


def test_ids_of_other_claims_and_experiments(lecture: Load) -> None:
    second = text("two", ('"two-a"', '"one-a"'))
    third = text(
        "three", ('experiment(id="three")', 'experiment(id="one")'), ('id="three-a", experiment=DEPTH', 'id="three-a"')
    )
    claims, broken = lecture({"first": text("one"), "second": second, "third": third})
    assert keys(claims) == ["one-a", "one-b", "two-b", "three-a"]
    assert [(found.name, found.where.split("/")[1], found.costs) for found in broken] == [
        ("one-a", "second.py:9", ()),
        ("three-b", "third.py:10", ()),
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


def test_two_sections_that_are_not_there_are_told_each(lecture: Load) -> None:
    claims, broken = lecture({"first": text("one")}, ("first", "second", "third"))
    assert keys(claims) == ["one-a", "one-b"]
    assert [found.costs for found in broken] == [("second",), ("third",)]


def test_a_section_of_several_modules(lecture: Load) -> None:
    package = "from PACKAGE.part import inner, other\n\nCLAIMS = (*inner.CLAIMS, *other.CLAIMS)\n"
    modules = {"part.__init__": package, "part.inner": text("one"), "part.other": text("two", ('"two-a"', '"two_a"'))}
    claims, (found,) = lecture({**modules, "last": text("three")}, ("part", "last"))
    assert keys(claims) == ["three-a", "three-b"]
    assert found.where.endswith("part/other.py:9")
    assert found.costs == ("part",)


def test_letters_that_are_no_utf_8(lecture: Load, tmp_path: Path) -> None:
    lecture({"first": text("one"), "second": "x = 1\n"}, ("first",))
    path = next(tmp_path.glob("lecture*/second.py"))
    path.write_bytes(b"x = '\xff'\nCLAIMS = ()\n")
    claims, broken = load(path.parent.name, ("first", "second"))
    assert keys(claims) == ["one-a", "one-b"]
    assert [found.where.split("/")[1].partition(":")[0] for found in broken] == ["second.py"]


def test_the_catalogue_has_no_mistake() -> None:
    code = "import cases; assert cases.BROKEN == (), [one.message for one in cases.BROKEN]"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
