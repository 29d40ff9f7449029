"""Somebody else's course: what it may have, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cases.lecture import AUTHOR, SLIDES, TITLE
from harness.course import LECTURE, ROOT, VARIABLE, choose, course, read
from harness.errors import SuiteError

HEAD = "from harness.course import Course\nfrom tests.make import DEPTH, claim, exact_claim as exact, experiment\n"
CLAIMS = "(exact(id='one', slide='Slide 10'), exact(id='two', slide='Slide 1, more; Slide 10'))"


def of(claims: str, **more: str) -> str:
    """The text of a course with these claims and fields."""
    fields = "".join(f", {name}={value}" for name, value in more.items())
    return f"{HEAD}COURSE = Course(claims={claims}{fields})\n"


ONE = of(CLAIMS)
NAME = "a_course_of_this_test"


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test imports and chooses is forgotten after it."""
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def written(folder: Path, text: str, **modules: str) -> Path:
    folder.mkdir(parents=True)
    for name, content in {"__init__": text, **modules}.items():
        (folder / f"{name}.py").write_text(content, "utf-8")
    return folder


def test_the_default_course_is_the_lecture() -> None:
    known = course()
    assert known.default
    assert (known.title, known.author, known.slides) == (TITLE, AUTHOR, SLIDES)
    assert (known.baselines, known.option) == (ROOT / "baselines", "")
    assert known.claims
    assert known.errata
    assert known.findings


def test_every_label_of_the_lecture_names_a_slide() -> None:
    known = course()
    assert all(known.slides_of(claim.slide) for claim in known.claims)


def test_a_course_needs_nothing_but_claims(tmp_path: Path) -> None:
    """And minds no lock of an editor, which is a link to nothing."""
    folder = written(tmp_path / NAME, ONE)
    (folder / ".#claims.py").symlink_to("me@here.7")
    known = read(folder)
    assert [claim.id for claim in known.claims] == ["one", "two"]
    assert (known.title, known.author, known.errata, known.findings) == (NAME, "", (), ())
    assert known.baselines == tmp_path / NAME / "baselines"
    assert known.option == f" --catalogue {tmp_path / NAME}"


def test_its_slides_are_the_places_that_its_claims_name(tmp_path: Path) -> None:
    known = read(written(tmp_path / NAME, ONE))
    assert known.slides == ("Slide 10", "Slide 1, more")
    assert known.slides_of("Slide 1, more; Slide 10") == ("Slide 10", "Slide 1, more")
    assert known.slides_of("Slide 10") == ("Slide 10",)
    assert known.slides_of("nowhere") == ()


def test_a_title_does_not_name_a_longer_number(tmp_path: Path) -> None:
    known = read(written(tmp_path / NAME, of(CLAIMS, slides="('Slide 1', 'Slide 10')")))
    assert known.slides_of("Slide 10 (cont.)") == ("Slide 10",)
    assert known.slides_of("Slide 1 (cont.)") == ("Slide 1",)


def test_what_it_says_is_taken(tmp_path: Path) -> None:
    findings = "(__import__('harness.claim').claim.Finding('because', ('one',)),)"
    course = read(written(tmp_path / NAME, of(CLAIMS, title="'A title'", author="'Somebody'", findings=findings)))
    assert (course.title, course.author) == ("A title", "Somebody")
    assert [finding.cause for finding in course.findings] == ["because"]


def test_the_chosen_course_is_that_of_the_process(tmp_path: Path) -> None:
    folder = written(tmp_path / NAME, ONE)
    assert choose(str(folder)).name == NAME
    assert course().folder == folder
    assert choose(None).name == NAME
    assert choose(str(LECTURE)).default


EXPERIMENTS = "(claim(id='a'), claim(id='b', experiment=experiment('shallow', 'deep', id='depth', epochs=3)))"
ERRATA = f"""from harness.erratum import Erratum, Warns
{HEAD}errata = tuple(
    Erratum(id=id, slide="1", statement="x", printed="1", modern="2", outcome=Warns("w"), check="1", gives=1, within=of)
    for id, of in zip(({{0}}), ({{1}}, ""))
)
COURSE = Course(claims={CLAIMS}, errata=errata)
"""
IMPORT = f"from {NAME}.inner import CLAIMS\n" + of("CLAIMS")
# the text of __init__.py, other modules, what the message must say
REFUSED: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    "no course": ("", {}, ("COURSE of", "Expected: a Course. Received: none.")),
    "another type": ("COURSE = []", {}, ("Expected: a Course. Received: list.",)),
    "claims in a list": (of("[]"), {}, ("__init__.py:3", "claims of a course", "a tuple of Claim", "Received: list")),
    "a text among the claims": (of("('one',)"), {}, ("a tuple of Claim", "Received: str in it")),
    "no claim": (of("()"), {}, ("at least one claim",)),
    "two claims of one id": (of("(exact(id='one'),) * 2"), {}, ("unique claim ids", "'one' more than once")),
    "two experiments of one id": (of(EXPERIMENTS), {}, ("unique experiment ids",)),
    "a mistake": ("x = 1\ny = 1 / 0\n", {}, (f"{NAME}/__init__.py:2", "ZeroDivisionError")),
    "no Python": ("x = (", {}, (f"{NAME}/__init__.py:1", "SyntaxError")),
    "an unknown import": ("import nowhere_at_all\n", {}, (f"{NAME}/__init__.py:1", "nowhere_at_all")),
    "an exit": ("import sys\nsys.exit(3)\n", {}, (f"{NAME}/__init__.py:2", "SystemExit")),
    "a mistake in a module": (IMPORT, {"inner": "\nCLAIMS = 1 / 0"}, (f"{NAME}/inner.py:2", "ZeroDivisionError")),
    "a mistake in a claim": (
        IMPORT, {"inner": HEAD + "A = exact(id='one')\nB = exact(id='a_b')"},
        (f"{NAME}/inner.py:4", "id of claim 'a_b'", "kebab-case"),
    ),
    "findings of another kind": (of(CLAIMS, findings="('why',)"), {}, ("a tuple of Finding", "str in it")),
    "an unknown training to time": (
        of("(claim(id='a', experiment=DEPTH),)", timed="(('depth', 'dep', 1),)"), {},
        ("__init__.py:3", "has no variant 'dep'", "Did you mean 'deep'"),
    ),
    "another experiment to time": (
        of("(claim(id='a', experiment=DEPTH),)", timed="(('dept', 'deep', 1),)"), {},
        ("timed of a course", "'dept'", "Did you mean 'depth'"),
    ),
    "half a training to time": (of(CLAIMS, timed="(('depth', 'deep'),)"), {}, ("__init__.py:3", "ValueError")),
    "errata of one id": (ERRATA.format("'a', 'a'", "''"), {}, ("unique erratum ids", "'a' more than once")),
    "an erratum within none": (ERRATA.format("'a', 'b'", "'c'"), {}, ("within of erratum 'a'", "Received: c")),
    "an import of the lecture": ("from cases.networks import sgd\n" + ONE, {}, ("imports no other", "__init__.py:1")),
    "an import of it in a function": (
        ONE, {"nets": "def f():\n    import cases"}, (f"`cases` in {NAME}/nets.py:2", "Copy what it needs"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "modules", "said"), REFUSED.values(), ids=list(REFUSED))
def test_a_bad_course_is_refused(tmp_path: Path, text: str, modules: dict[str, str], said: tuple[str, ...]) -> None:
    with pytest.raises(SuiteError) as refused:
        read(written(tmp_path / NAME, text, **modules))
    assert all(part in str(refused.value) for part in said), str(refused.value)


@pytest.mark.parametrize(
    ("name", "other"), [("cases", "cases/__init__.py"), ("json", "json"), ("numpy", "numpy"), ("suite", "suite")]
)
def test_a_name_that_another_module_has_is_refused(tmp_path: Path, name: str, other: str) -> None:
    with pytest.raises(SuiteError, match=f"a name that no other module has.*{other}.*Rename the folder"):
        read(written(tmp_path / name, ONE))


def test_two_courses_of_one_name_are_refused(tmp_path: Path) -> None:
    read(written(tmp_path / "a" / NAME, ONE))
    with pytest.raises(SuiteError, match="a name that no other module has"):
        read(written(tmp_path / "b" / NAME, ONE))


@pytest.mark.parametrize("name", ["my-course", "class", "2024"])
def test_a_name_that_cannot_be_imported_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SuiteError, match="a folder whose name Python can import"):
        read(written(tmp_path / name, ONE))


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.py").write_text(ONE)
    for name, received in (("empty", "a folder without __init__.py"), ("file.py", "a file"), ("none", "no folder")):
        with pytest.raises(SuiteError, match=rf"{name}.*a package with a COURSE. Received: {received}\."):
            read(tmp_path / name)
