"""CATALOGUE.md is what `python -m cases` writes, and each command in it runs its claim and no other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from cases import CLAIMS
from cases import __main__ as command_line
from cases.__main__ import PAGE, page
from harness.contents import commands, contents
from suite.catalogue import ERRATA, EXACT_CLAIMS, TRAINING_CLAIMS, TRAININGS, training_name
from tests.make import claim, exact_claim, experiment
from tests.suite.command import suite

ROWS = re.findall(r"^- `([^`]+)`: .*<br>Alone: `(pytest [^`]+)`$", PAGE.read_text("utf-8"), re.MULTILINE)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "cases/CATALOGUE.md is out of date: run `python -m cases`"


def test_every_claim_has_its_line_in_lecture_order() -> None:
    assert [key for key, _ in ROWS] == [*(claim.key for claim in CLAIMS), *ERRATA]


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", PAGE.read_text("utf-8")):
        assert (PAGE.parent / link).exists()


def names() -> dict[str, str]:
    """Every test of the suite, and the claim it decides."""
    claims: dict[str, Iterable[str]] = {"claims": TRAINING_CLAIMS, "exact": EXACT_CLAIMS, "errata": ERRATA}
    tests = {f"test_{kind}[{key}]": key for kind, keys in claims.items() for key in keys}
    return tests | {f"test_training[{training_name(*pair)}]": "" for pair in TRAININGS}


def test_a_command_selects_its_claim_alone() -> None:
    tests = names()
    for key, said in ROWS:
        word = re.fullmatch(r"pytest suite/ -k (\S+)", said)
        if word is None:
            (test,) = re.findall(r'^pytest "suite/(test_\w+)\.py::(.*)"$', said)
            assert tests[test[1]] == key
            assert test[1].startswith(f"{test[0]}[")
            continue
        chosen = {name for name in tests if word[1].lower() in name.lower()}
        assert {tests[name] for name in chosen} - {""} == {key}
        claim = TRAINING_CLAIMS.get(key)
        trained = claim.experiment if claim else None
        needed = {training_name(trained.id, name) for name in claim.variants} if claim and trained else set()
        trainings = {name.removeprefix("test_training[").removesuffix("]") for name in chosen if not tests[name]}
        assert trainings <= needed


@pytest.mark.parametrize("key", ["rate-sweep", "gd-reaches-minimum/rate 0.5", "decay"])
def test_pytest_selects_the_same(key: str, tmp_path: Path) -> None:
    said = dict(ROWS)[key]
    options = said.split(" -k ")[1:] and ("-k", said.split(" -k ")[1])
    target = "suite/" if options else said.removeprefix('pytest "').removesuffix('"')
    run = suite(tmp_path, "--collect-only", "-q", *options, target=target)
    collected = re.findall(r"^suite/test_\w+\.py::(test_(?:claims|exact|errata)\[.*\])$", run.output, re.MULTILINE)
    assert [names()[test] for test in collected] == [key]


def test_the_command_of_a_claim_whose_name_something_else_has_too() -> None:
    made = commands([claim(id="more"), claim(id="more-data")])
    assert made["more"] == 'pytest "suite/test_claims.py::test_claims[more]"'
    assert made["more-data"] == "pytest suite/ -k more-data"
    made = commands([exact_claim(id="a"), exact_claim(id="b", case="No A")])
    assert made["a"] == 'pytest "suite/test_exact.py::test_exact[a]"'
    wide = experiment("deep", "shallow", "wide", id="deeper-is-better")
    [shared] = commands([claim(experiment=wide)]).values()
    assert shared.startswith('pytest "suite/test_claims.py::')
    cases = commands([claim(case="two words"), claim(case="l1")])
    assert cases["deeper-is-better/two words"].endswith('::test_claims[deeper-is-better/two words]"')
    assert cases["deeper-is-better/l1"] == "pytest suite/ -k deeper-is-better/l1"


def test_nothing_in_a_line_is_markup() -> None:
    odd = claim(statement="W* | W_l* <b> `x` [a](b) $x$\nand more.")
    text = contents("# Title", {"One": [odd]})
    assert r"W\* \| W_l\* \<b> \`x\` \[a\](b) \$x\$ and more." in text


def test_an_argument_is_refused_and_nothing_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "PAGE", Path("/nowhere"))
    with pytest.raises(SystemExit) as stopped:
        command_line.main(["--help-me"])
    assert stopped.value.code == 2
    assert "unrecognized arguments: --help-me" in capsys.readouterr().err
