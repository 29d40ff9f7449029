"""What every form of a report says, as files in golden/: of a full run, of a check with every verdict, and of evidence.

Of the check the text of its page is one too.

A golden file changes on purpose only: ``python -m tests.reports.test_golden`` writes them anew; the commit says why.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path
from unittest import mock

import pytest

from cases.examples.mnist_tips import TIPS
from harness import course as module
from harness.check.compare import compare
from harness.claim import Claim, Finding
from harness.course import LECTURE
from harness.erratum import Differs, ErratumState, Warns
from harness.model import Published, Trial
from harness.plots import Plots
from harness.record.outcomes import (
    Anchor,
    ClaimState,
    Interval,
    Movement,
    SeedsTaken,
    TrainingOutcome,
    TrainingState,
    VerdictState,
)
from harness.record.run import AsNeeded, GpuFacts, OtherStack, Run, SessionSummary, Summary, read_run
from harness.rules import Exact, Exceeds
from harness.verdict import Basis, Difference, Verdict
from reports import changes, history, moves
from reports.cards import cards
from reports.charts import Picture
from reports.history import History
from reports.markdown import findings, texts
from reports.page.page import html
from reports.write import adjusted, in_order
from suite.session import messages
from tests.make import self_check, timed
from tests.reports.full import full_run, timed_run
from tests.reports.runs import finished
from tests.reports.runs import run as made_run
from tests.reports.synthetic import (
    MadeUp,
    Recorder,
    claim,
    compared,
    decision,
    effect,
    erratum,
    experiment,
    here,
    red,
    training,
    trial,
)

GOLDEN = Path(__file__).parent / "golden"
RULE = Exceeds("with", "without")
BOTH = tuple(replace(TIPS.variants[0], name=name) for name in ("with", "without"))
NETWORK = replace(TIPS, id="network", variants=BOTH, anchors=(), plots=Plots())
DROPOUT = "With dropout {0} more."
SAY = {
    Verdict.REFUTED: "Dropout costs {0:size}, {with} against {without}.",
    Verdict.OUTDATED: "It was so until Keras 2.3.",
    Verdict.NEGLIGIBLE: "It is a tie, {0:short}.",
    Verdict.INCONCLUSIVE: "Nobody knows: {0:short}.",
}


def said(key: str, **changes: object) -> Claim:
    """A claim that the course states."""
    how = {"rule": Exact(), "check": tuple} if changes.pop("exact", False) else {"rule": RULE, "experiment": NETWORK}
    texts = {"slide": "2. Products", "statement": f"Statement of {key}.", "quote": "드롭아웃이 | <도움>", "say": SAY}
    return Claim(**{"id": key, **texts, **how, **changes})


COURSE = MadeUp(
    claims=(
        said("supported", shown=DROPOUT, published=(Published({"with": "0.9800", "without": "0.9700"}),)),
        said("refuted", shown=DROPOUT),
        said("negligible", source="read", reading="at the end, and not before"),
        said("inconclusive", shown=DROPOUT),
        said("not-contradicted", quote="", say={}),
        said("outdated", exact=True),
        said("ours", source="ours", quote="", say={}),
        said("red", shown=DROPOUT),
        said("red-exact", exact=True),
        said("not-run", exact=True),
    ),
    title="Sums & products: 합",
    author="A. Author",
    slides=("1. Sums", "2. Products", "4. Optimizers", "Example 4. A deep network"),
    findings=(
        Finding("Dropout does what it says", ("supported", "refuted")),
        Finding("Rates", ("tips-dropout-rate", "activity-l1-value")),
    ),
    folder=LECTURE,
)
MEANS = {
    name: Summary.of("val_accuracy", [trial(name, seed, end) for seed in range(12)])
    for name, end in (("with", 0.98), ("without", 0.97))
}
MOVES = moves.Moves(
    (
        moves.Move(
            "a-cpu",
            "b-cpu",
            "Of 2 verdicts 1 is otherwise.",
            (moves.Difference("supported", "✔ 30", "✘ 30", "because"),),
        ),
    ),
    ("3.1.0", "3.2.0"),
    (
        moves.Release(
            "Keras", "3.2.0", 1, "It <b>changed</b>.", tuple(f"claim {name}" for name in "abcdefgh"), 2, "a | b"
        ),
        moves.Release("JAX", "", None, "It refuses None.", (), 1, ""),
    ),
)
LOOKS = SeedsTaken((10, 30), 100, "maximum")
ON = {"slide": "2. Products", "rule": RULE.describe(), "experiment": "network", "variants": MEANS}
COMPUTED = {"slide": "2. Products", "exact": True, "rule": Exact().describe()}
MORE, LESS = effect("with − without", 0.01, 0.005, 0.015), effect("with − without", -0.01, -0.015, -0.005)


def check(folder: Path) -> Path:
    """A check that was interrupted: every verdict, every kind of red, as many seeds as needed."""
    gpu = GpuFacts(
        name="H100", driver="570|86", power_state="P0", sm_clock_mhz=1980.0, max_sm_clock_mhz=1980.0, throttled_by=()
    )
    run = Recorder(folder, full=False, seeds=None, auto=AsNeeded(100), workers=2, planned=tuple("abcde"), gpu=gpu)
    experiment("network", ["with", "without", "again", "<b>late</b>"])
    movement = Movement("loss at step", 0.002, 1e-4, 1.25, 1.2525, seed=3, step=8, seeds=5)
    near = (Anchor(0, "val_accuracy", 0.982, 0.9821, Interval(0.977, 0.987, 30)),)
    far = (Anchor(0, "val_accuracy", 0.982, 0.91, Interval(0.977, 0.987, 30)),)
    for name, outcome in (
        ("with", TrainingOutcome(TrainingState.REPRODUCED, "", to_the_end=True, seeds=1, anchors=near)),
        ("without", TrainingOutcome(TrainingState.START_REPRODUCED, "", steps=16, seeds=5)),
        ("again", TrainingOutcome(TrainingState.MOVED, "loss moved", steps=16, seeds=5, movement=movement)),
        ("<b>late</b>", TrainingOutcome(TrainingState.MOVED, "accuracy moved", to_the_end=True, seeds=1, anchors=far)),
    ):
        ended = {} if outcome.to_the_end else {"seeds": (), "summary": Summary.of("val_accuracy", ())}
        trained = training("network", [trial(name, 0, 0.97)], "val_accuracy", outcome=outcome, red=outcome.red, **ended)
        run.append(trained)
    tie = effect("with − without", 0.0001, -0.0003, 0.0004)
    unsure = effect("with − without", 0.001, -0.002, 0.004, chances={100: 0.31}, details={"plain_low": -0.001})
    inside = effect("with, one more run", 0.98, 0.978, 0.982, details={"published": 0.98, "confidence": 0.99})
    adam = Difference("ten steps | Adam()", 0.004053, 0.0099, "the paper (Kingma & Ba 2015)", "Its ε is smaller.")
    outdated = decision("OUTDATED", reason="α differs", differences=[adam], basis=Basis.COMPUTED)
    expected = compared("REFUTED", "REFUTED")
    unconfirmed = here(ClaimState.NOT_CONFIRMED, own=Verdict.INCONCLUSIVE)
    run.append(
        claim("supported", "SUPPORTED", [MORE], here=here(), **ON),
        claim("refuted", "REFUTED", [LESS], comparison=expected, here=here(verdict=Verdict.REFUTED), **ON),
        claim("negligible", "NEGLIGIBLE", [tie], **ON),
        claim("inconclusive", "INCONCLUSIVE", [unsure], taken=LOOKS, **ON),
        claim("not-contradicted", decision("SUPPORTED", [inside], basis=Basis.NOT_CONTRADICTED), **ON),
        claim("outdated", outdated, **COMPUTED),
        claim("ours", "REFUTED", [LESS], **ON),
        claim("red", "REFUTED", [LESS], comparison=red(VerdictState.FLIPPED, "REFUTED", "REFUTED here"), **ON),
        claim("red-exact", "REFUTED", comparison=compared("REFUTED", "SUPPORTED"), **COMPUTED),
        claim("not-run", decision("NOT_RUN", reason="no such file"), **COMPUTED),
        claim("weak", "SUPPORTED", here=unconfirmed, error="x is damaged", red=True),
        erratum("warns", outcome=Warns("old."), warning="old.", error="", when=""),
        erratum("differs", outcome=Differs(2, 1), today=1, error="", when="", slide="1. Sums"),
        erratum("changed", state=ErratumState.CHANGED, error="", reason="it runs", slide="nowhere"),
        self_check("adam", "1 is not 2"),
        self_check("sgd"),
    )  # fmt: skip
    return run.close()


def evidence(folder: Path) -> Path:
    """A stack's evidence, with two sessions and another stack."""
    session = {"device_model": "AMD EPYC", "keras": "3.15.1", "backend_version": "2.20.0", "engine": "compiled"}
    run = Recorder(
        folder,
        full=False,
        evidence=True,
        sessions=tuple(
            SessionSummary(date=day, commit="a03a743", reason="more | seeds", trials=100, **session)
            for day in ("2026-11-24", "2026-11-20")
        ),
        other_stacks=(
            OtherStack(
                stack="jax-cpu", experiment="network", variant="with", metric="val_accuracy", mean=0.979, std=1e-3, n=30
            ),
        ),
    )
    experiment("network", ["with", "without"])
    for name, end in (("with", 0.98), ("without", 0.97)):
        trials = [trial(name, seed, end) for seed in range(11)]
        run.train(experiment("network", ["with", "without"]), [*trials, Trial(name, 11, {}, {})], "val_accuracy")
    for verdict, end in (("SUPPORTED", 0.01), ("REFUTED", -0.01)):
        measured = effect("with − without", end, end - 0.005, end + 0.005, p=0.03)
        own = {"here": here(None, text="", verdict=Verdict(verdict)), "comparison": compared(verdict, verdict)}
        run.append(claim(verdict.lower(), verdict, [measured], **own, **ON | {"variants": run.means}))
    run.append(erratum("declared", state=ErratumState.DECLARED, error="", when=""))
    return run.end(seconds=None)


RUNS = {"full": full_run, "check": check, "evidence": evidence, "timing": timed_run}


def comparison() -> str:
    """COMPARE.md of two runs that differ in everything."""
    values, rounds = [0.98, 0.981, 0.979, 0.9805, 0.9795, 0.98], (0.100, 0.101, 0.102, 0.103, 0.101, 0.102)
    lower = [value - 0.01 for value in values]
    works = [[timed(f"w{i}", [slower * value for value in rounds]) for i in range(8)] for slower in (1.0, 1.7)]
    then = made_run(0, {"same": values, "lower": values, "one seed": [0.98], "gone": values}, timings=works[0])
    changed = {"keras": "3.16.0", "XLA_FLAGS": "--fast"}
    now = made_run(
        1,
        {"same": values, "lower": lower, "one seed": [0.9], "new": values},
        timings=works[1],
        fingerprint=changed,
        commit="bbbbbbb",
    )
    for run, verdict, state, wrong in (
        (then, "SUPPORTED", ErratumState.HOLDS, ""),
        (now, "REFUTED", ErratumState.BROKEN, "beta is off"),
    ):
        run.add(claim("helps", decision(verdict, reason=f"because of {verdict}")))
        run.add(claim("same", "SUPPORTED"))
        run.add(erratum("lr", state=state, reason=f"it {state}"))
        run.add(self_check("adam", wrong))
    now.end = None
    return changes.markdown(compare(now, then))


def trend() -> str:
    """TREND.md of twelve runs, the newest of which is another release, less accurate and slower."""
    runs = []
    for day in range(12):
        last, noise = day == 11, 0.01 * (day % 3)
        end, epoch = (0.9, 0.16) if last else (0.98 + 0.01 * noise, 0.1 * (1 + noise))
        keras = "3.16.0" if last else "3.12.0"
        names = [f"v{place}" for place in range(8)]
        epochs = dict.fromkeys(names, epoch)
        runs.append(made_run(day, {name: [end, end] for name in names}, epochs, fingerprint={"keras": keras}))
    runs[3].end = None
    return history.markdown(History.of([*runs, "Invalid run record | x. Expected: schema 2."]))


DOCUMENTS = {"compare": comparison, "trend": trend}


def written(name: str, folder: Path) -> dict[str, str]:
    """The texts of a run by file: Markdown, README's table, the terminal's lines; or those of a document on runs."""
    if name in DOCUMENTS:
        return {f"{name.upper()}.md": DOCUMENTS[name]()}
    return forms(read_run(RUNS[name](folder)), name, folder)


def forms(run: Run, name: str, folder: Path) -> dict[str, str]:
    run, holm = adjusted(in_order(run))
    shown = cards(run)
    pictures = [
        Picture(f"{heading or 'effects'}.svg", b"", heading, "Alt | text", "A *caption*")
        for heading in ("", "network", "deep-dropout", "rates")
    ]
    files = texts(run, shown, holm, pictures if name == "check" else [])
    if name == "evidence":
        files["README.md"] = findings(run, COURSE.findings[:1])
    if name == "check":
        with mock.patch.object(moves.Moves, "read", return_value=MOVES):
            files["page.txt"] = words_of(html(run, shown).decode())
    files["terminal.txt"] = "".join(f"{line.text}\n" for line in terminal(run)).replace(str(folder), "FOLDER")
    return files


def words_of(page: str) -> str:
    """The text of a page, without its legends and what is no text, line by line."""
    for tag in ("script", "style", 'dl class="meanings"'):
        page = re.sub(f"<{tag}.*?</{tag[:2] if ' ' in tag else tag}>", "", page, flags=re.DOTALL)
    page = re.sub(r"</?(p|h\d|li|tr|dt|dd|div|summary|section|article|option|label)\b[^>]*>", "\n", page)
    lines = (" ".join(unescape(re.sub("<[^>]*>", " ", line)).split()) for line in page.splitlines())
    return "".join(f"{line}\n" for line in lines if line)


def terminal(run: Run) -> Iterator[messages.Line]:
    yield messages.status_line(run, storing=False, interrupted=run.partial, failed=False)
    yield from messages.moved_lines(run)
    yield from messages.finding_lines(run)
    yield from messages.count_lines(run)
    yield from messages.more_lines(run, run.partial)


@pytest.fixture
def course(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "read", lambda folder: COURSE)


@pytest.mark.parametrize("name", [*RUNS, *DOCUMENTS])
def test_every_form_says_what_it_said(name: str, course: None, tmp_path: Path) -> None:
    known = {path.relative_to(GOLDEN / name).as_posix(): path.read_text("utf-8") for path in files_of(name)}
    assert written(name, tmp_path) == known, "on purpose? python -m tests.reports.test_golden, and say why"


ACCUSATIONS = (
    "REFUTED",
    "Refuted claim",
    "contradicts",
    "Say instead",
    "Dropout costs",
    "No.",
    "✘ Statement",
    "−1.00 points",
)


def test_a_red_claim_accuses_nobody_in_any_form(course: None, tmp_path: Path) -> None:
    """As with an optimizer whose rate is 1 % off: it computes otherwise here, and did not before.

    Only what moved says so, and the legend has all words.
    """
    expected = compared("REFUTED", "SUPPORTED")
    run = finished(
        claim("red", "REFUTED", [LESS], comparison=expected, **ON),
        claim("red-exact", "REFUTED", comparison=expected, **COMPUTED),
        claim("supported", "SUPPORTED", [MORE], **ON),
        full=False,
    )
    texts = forms(run, "check", tmp_path)
    for name, text in ((name, text) for name, text in texts.items() if "/" not in name):
        told = [line for line in text.partition("## How to read this")[0].splitlines() if " → " not in line]
        kept = "\n".join(told).replace("SUPPORTED since 2026-11-20 (first), REFUTED now", "")
        assert [word for word in ACCUSATIONS if word in kept] == [], name


def files_of(name: str) -> Iterator[Path]:
    return (path for path in (GOLDEN / name).rglob("*") if path.is_file())


def write(contents: Mapping[str, str], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "read", lambda folder: COURSE)
        for name in (*RUNS, *DOCUMENTS):
            with tempfile.TemporaryDirectory() as made:
                write(written(name, Path(made)), GOLDEN / name)
