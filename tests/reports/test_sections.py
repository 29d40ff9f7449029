"""The files of the sections: the details of each claim, folded."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.domain.trial import Trial
from harness.domain.verdict import Verdict
from harness.record.run import ClaimDecided, Run, Summary
from harness.rules import Comparison, Difference, Exact
from reports.cards import cards
from reports.figures.many import MANY
from reports.sections.details import section_page
from tests.reports.markdown import parsed, tables
from tests.reports.synthetic import HEADER, claim, published


@pytest.fixture(scope="module")
def example(folder: Path) -> str:
    return (folder / "sections" / "example-4-tips.md").read_text("utf-8")


def details(text: str, anchor: str) -> str:
    return text.split(f'<a id="{anchor}"></a>')[1].split("</details>")[0]


def page(one: ClaimDecided, holm: dict[str, Verdict] | None = None, **run: object) -> str:
    made = Run(Path("x"), HEADER, claims={one.key: one}, **run)
    return section_page(made, "Example 4", list(cards(made).values()), holm or {}, [])


def test_each_claim_is_folded_and_can_be_linked(example: str) -> None:
    assert example.startswith(
        "# Example 4. Tips of NN for the Mnist digit classifier\n\n[The whole report](../REPORT.md)"
    )
    found = parsed(example)
    assert found.tags.count("details") == found.tags.count("summary") == example.count("</details>") == 7
    assert example.count('<a id="') == 7


def test_the_headline_of_a_claim_says_its_verdict(example: str) -> None:
    line = details(example, "tips-dropout-helps").splitlines()[1]
    headline = "✘ REFUTED · Dropout 0.2 improves | the five-hidden-layer network (드롭아웃)."
    assert line == f"<details><summary>{headline}</summary>"


def test_what_the_details_say(example: str) -> None:
    text = details(example, "tips-dropout-helps")
    assert "- This run's own trials say: ✔ SUPPORTED\n- After Holm: ? INCONCLUSIVE\n" in text
    assert "- Who says it: the slide\n" in text
    assert "Say instead" not in text  # the catalogue's claim of this key has another rule, and so another sentence
    assert "Deviations from the slide:\n\n- Seeds: five instead of one.\n- fewer images\n" in text
    assert "Notes:\n\n- 적절한 값의 선택이 필요" in text
    assert "```sh\npytest suite/ -k tips-dropout-helps\n```" in text
    effects, variants = tables(text)
    assert effects[0]["estimate [interval]"] == "+0.62 points [0.51, 0.73]"
    assert effects[0]["p"] == "0.03<br>0.06 after Holm"
    assert [row["slide"] for row in variants] == ["0.9798", "0.9840"]
    assert variants[0]["evidence → here"] == "identical"


def test_parts_and_what_is_reported_alongside(example: str) -> None:
    text = details(example, "tips-dropout-rate")
    assert "Parts:\n\n- ✔ SUPPORTED. above\n- ✔ SUPPORTED. above\n" in text
    assert "- Reason: " not in text  # the parts have theirs
    assert "- Reason: the interval lies above 0" in details(example, "tips-dropout-helps")
    assert "Reported alongside:\n\n- a ≈ b ± 0.001: ? INCONCLUSIVE. too wide (dropout 0.2" in text
    assert "- State: ⚠ **weakened**. dropout 0.3 moved" in text


def test_failures_have_their_names(folder: Path, example: str) -> None:
    raw = (folder / "sections" / "elsewhere.md").read_text("utf-8")
    assert "| raw (loss) | 4.9e11 | –, 5 seeds, 5 diverged | reproduced |" in raw
    assert "stuck" not in details(example, "tips-figures-reproduce-softmax")


def test_every_variant_and_every_seed_is_there(example: str) -> None:
    text = details(example, "activity-l1-value")
    effects, variants = tables(text)
    assert len(effects) == len(variants) == 11
    assert text.count("l1 = 1e-1: 0.9") == 1


def test_its_figures_follow(example: str) -> None:
    assert "](../figures/deep-dropout.svg)" in example.split("## Figures")[1]


def test_a_slides_figure_of_another_metric_stands_beside_our_own_values() -> None:
    trials = [Trial("raw", seed, {"loss": None, "first_inf_epoch": 3.0 + seed}) for seed in range(3)]
    one = claim(
        "shares",
        "SUPPORTED",
        experiment="shares",
        variants={"raw": Summary.of("loss", trials)},
        published=(published("raw", "3", "loss"), published("raw", "3", "first_inf_epoch")),
    )
    [rows] = tables(page(one, trials={("shares", "raw"): trials}))
    assert [(row["variant"], row["slide"], row["ours"]) for row in rows] == [
        ("raw (loss)", "3", "–, 3 seeds, 3 without a value"),
        ("raw (first infinite epoch)", "3", "4.0 ± 1.0, 3 seeds<br>+1 to the slide"),
    ]
    [rows] = tables(page(one))
    assert len(rows) == 1


def test_what_differs_from_the_paper_is_said() -> None:
    adam = Difference("ten steps | Adam()", 0.004053, 0.0099010, "the paper (Kingma & Ba 2015)", "Its ε is smaller.")
    name = Difference("the name of lr", "learning_rate", "lr", "the slide")
    found = Exact().decide([Comparison("w", 1.0, 1.0), adam, name])
    text = page(claim("adam-rule", found, marker="exact"))
    assert "Differences; they decide nothing:" in text
    said = r"- differs from the paper (Kingma &amp; Ba 2015): ten steps \| Adam(): 0.004053, there 0.009901. Its ε"
    assert said in text
    assert "- differs from the slide: the name of lr: learning_rate, there lr." in text


def test_holms_verdict_is_given_of_a_claim_that_trains_if_it_differs() -> None:
    after = {"a": Verdict.INCONCLUSIVE}
    assert "- After Holm: ? INCONCLUSIVE\n" in page(claim("a", "SUPPORTED"), after)
    assert "After Holm" not in page(claim("a", "SUPPORTED", marker="exact"), after)
    assert "After Holm" not in page(claim("a", "INCONCLUSIVE"), after)


def test_of_many_seeds_the_quantiles_are_shown() -> None:
    values = (*(0.9 + 0.0001 * index for index in range(MANY)), None)
    summary = Summary(metric="val_accuracy", mean=0.9, std=0.01, n=MANY + 1, values=values)
    text = page(claim("a", "SUPPORTED", variants={"v": summary}))
    assert "- v: 2.5 %: 0.9" in text
    assert text.count("0.9") < 12
