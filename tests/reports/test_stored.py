"""The report of a stack's evidence: verdicts decided from the stored trials, each number with its seeds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from cases import CLAIMS
from cases.errata import ERRATA
from cases.lecture import TITLE
from harness.check.evidence import add, path_of, write
from harness.claim import experiments
from harness.erratum import ErratumState
from harness.model import Divergence, Seconds, Trial
from harness.record.evidence import EXACT, Evidence, Expected
from harness.record.outcomes import Here
from harness.record.trials import Training
from harness.verdict import Verdict
from reports import __main__ as command
from reports.cards import anchor
from reports.headline import moved
from reports.stored import stored_run, stretched
from reports.words import escape
from reports.write import END, START
from tests.make import provenance
from tests.reports.markdown import claims, section, tables
from tests.reports.runs import evidence

ROOT = Path(__file__).parents[2]
EXAMPLE = next(one for one in experiments(CLAIMS) if one.id == "example-4")
SETUP = {"device_model": "AMD EPYC", "keras": "3.15.1", "backend": "tensorflow", "backend_version": "2.20.0"}
EXACT_CLAIMS = [claim.key for claim in CLAIMS if claim.experiment is None]


def trained(variant: str, seed: int, end: float, epochs: int) -> Trial:
    accuracy = [end - 0.3 / (1 + epoch) + 0.0001 * (seed % 7) for epoch in range(epochs)]
    curves = {"val_accuracy": tuple(accuracy), "loss": tuple(1 - value for value in accuracy)}
    metrics = {metric.name: curves.get(metric.name, (0.1,))[-1] for metric in EXAMPLE.metrics}
    return Trial(variant, seed, metrics, curves, None, Seconds(2.0), "compiled")


def failed(variant: str, seed: int, epochs: int) -> Trial:
    curves = dict.fromkeys(("val_accuracy", "loss"), (1.0,) + (None,) * (epochs - 1))
    metrics = dict.fromkeys(metric.name for metric in EXAMPLE.metrics)
    return Trial(variant, seed, metrics, curves, Divergence("nan", 2, 9), Seconds(2.0), "compiled")


def store(root: Path, stack: str, seeds: int, exact: Sequence[str] = (), lost: int = 0) -> None:
    """Two variants of Example 4, the second the better; of the first the last ``lost`` seeds fail."""
    epochs = EXAMPLE.size.epochs
    first = [trained("2 linear", s, 0.92, epochs) if s < seeds - lost else failed("2 linear", s, epochs)
             for s in range(seeds)]  # fmt: skip
    measured = {
        "2 linear": Training(trials=tuple(first)),
        "2 relu": Training(trials=tuple(trained("2 relu", s, 0.98, epochs) for s in range(seeds))),
    }
    origin = provenance("first", SETUP, commit="a03a743", date="2026-11-24")
    evidence = add(None, EXAMPLE, stack, measured, origin)
    write(path_of(root, stack, EXAMPLE.id), evidence)
    expected = {key: Expected(verdict="SUPPORTED", date="2026-11-24", reason="first") for key in exact}
    write(path_of(root, stack, EXACT), Evidence(experiment=EXACT, stack=stack, variants={}, expected=expected))


def report(root: Path, stack: str) -> str:
    out = root / "out"
    assert command.main(["--evidence", stack, "--baseline-dir", str(root), "--out", str(out)]) == 0
    return (out / "REPORT.md").read_text(encoding="utf-8")


def row(text: str, key: str) -> dict[str, str]:
    rows = claims(text)
    assert len(rows) == len(CLAIMS)
    return rows[anchor(key)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stacks: one of 30 seeds, of which two failed, and one of six."""
    root = tmp_path_factory.mktemp("baselines")
    store(root, "tensorflow-cpu", 30, EXACT_CLAIMS[:1], lost=2)
    store(root, "jax-cpu", 6)
    return root


def test_a_report_of_evidence(root: Path) -> None:
    text = report(root, "tensorflow-cpu")
    assert (
        text.splitlines()[0]
        == f"# {escape(TITLE)}: claims on TensorFlow, evidence of tensorflow-cpu, [2026-11-24](#environment)"
    )
    assert text.splitlines()[2].startswith("**⚪ Evidence of tensorflow-cpu: 2 trainings, 30 seeds each. ")
    relu = row(text, "tips-relu-beats-linear")
    assert (relu["verdict"], relu["slide"]) == ("✔ SUPPORTED<br>shown<br>as we read it", "+5.39 points")
    assert relu["measured"].endswith(", 30 seeds<br>600 of 10,000 images")
    assert row(text, EXACT_CLAIMS[0])["verdict"] == "✔ SUPPORTED<br>computed"
    assert row(text, EXACT_CLAIMS[1])["verdict"] == "– NOT RUN"
    example = (root / "out" / "sections" / "example-4-tips.md").read_text("utf-8")
    assert "two hidden linear layers<br>`2 linear` | 0.9267 | 0.9053 ± 0.0002, 30 seeds, 2 diverged<br>" in example
    others = [of for table in tables(example) for of in table if "other stacks" in of]
    known = {of["other stacks"] for of in others if of["variant"].startswith("two hidden ReLU layers<br>")}
    assert known == {"jax-cpu: 0.9652 ± 0.0002, 6 seeds"}
    assert "two hidden linear layers: 2 of 30 seeds diverged (nan, epoch 2)." in example
    [_, origins] = tables(section(text, "Environment"))
    assert [(of["trials"], of["date, commit"]) for of in origins] == [("60", "2026-11-24<br>`a03a743`")]
    assert f"- {len(ERRATA)} errata: a check, `pytest suite/`, runs both forms of each; this report lists them" in text
    errata = (root / "out" / "ERRATA.md").read_text("utf-8")
    assert errata.count("<a id=") == errata.count("Replacement:") == len(ERRATA)
    made = json.loads((root / "out" / "report.json").read_bytes())
    assert (made["run"]["evidence"], made["partial"]) == (True, False)
    assert {erratum["state"] for erratum in made["errata"]} == {ErratumState.DECLARED}
    [relu] = [claim for claim in made["claims"] if claim["key"] == "tips-relu-beats-linear"]
    assert msgspec.convert(relu["here"], Here) == Here(None, "", "tensorflow-cpu", 30, Verdict.SUPPORTED)


def test_a_stack_with_few_seeds_rests_on_the_reference_stack_or_decides_nothing(root: Path, tmp_path: Path) -> None:
    relu = stored_run(root, "jax-cpu").claims["tips-relu-beats-linear"]
    assert (relu.verdict, relu.here and relu.here.stack, relu.variants["2 relu"].n) == (
        "SUPPORTED",
        "tensorflow-cpu",
        30,
    )
    store(tmp_path, "jax-cpu", 12)
    alone = stored_run(tmp_path, "jax-cpu").claims["tips-relu-beats-linear"]
    assert (alone.verdict, alone.here and alone.here.seeds) == ("INCONCLUSIVE", 12)


def test_no_backend_is_imported_for_it(tmp_path: Path) -> None:
    store(tmp_path, "tensorflow-cpu", 2)
    script = (
        "import sys; from pathlib import Path; from reports.stored import stored_run; "
        f"run = stored_run(Path({str(tmp_path)!r}), 'tensorflow-cpu'); assert run.errata; "
        "print([name for name in ('tensorflow', 'jax', 'torch', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_damaged_file_costs_its_own_claims_and_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(tmp_path, "tensorflow-cpu", 30, EXACT_CLAIMS[:1])
    path_of(tmp_path, "tensorflow-cpu", EXACT).write_text("{", "utf-8")
    run = stored_run(tmp_path, "tensorflow-cpu")
    assert run.claims["tips-relu-beats-linear"].verdict is Verdict.SUPPORTED
    wrong = [change for change in moved(run) if change.state == "without readable evidence"]
    assert [change.name for change in wrong] == EXACT_CLAIMS
    assert "tensorflow-cpu/exact.json" in wrong[0].reason
    readme = tmp_path / "README.md"
    readme.write_text(f"{START}\nstays\n{END}\n", "utf-8")
    given = ["--evidence", "tensorflow-cpu", "--baseline-dir", str(tmp_path), "--out", str(tmp_path / "out")]
    assert command.main([*given, "--readme", str(readme)]) == 2
    assert (tmp_path / "out" / "REPORT.md").exists()
    assert "stays" in readme.read_text("utf-8")
    assert "tensorflow-cpu/exact.json" in capsys.readouterr().err
    store(tmp_path, "jax-cpu", 6)
    path_of(tmp_path, "tensorflow-cpu", EXAMPLE.id).write_text("{", "utf-8")  # of no stack that is reported
    assert stored_run(tmp_path, "jax-cpu").claims["tips-relu-beats-linear"].verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--evidence", "tensorflow-gpu"], "'tensorflow-gpu'. Did you mean 'tensorflow-cpu'"),
        (["--evidence", "../elsewhere"], "Known: tensorflow-cpu."),
        (["--evidence", "tensorflow-cpu", "--run", "x"], "contradicts --run"),
        (["--evidence", "tensorflow-cpu", "--baseline-dir", "nowhere"], "nowhere holds none"),
    ],
)
def test_bad_input(arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(tmp_path, "tensorflow-cpu", 2)
    given = [] if "--baseline-dir" in arguments else ["--baseline-dir", str(tmp_path)]
    assert command.main([*arguments, *given, "--out", str(tmp_path / "out")]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_a_stored_curve_has_straight_lines_between_its_points() -> None:
    assert stretched((0.0, 3.0, 6.0), 7) == (0, 1, 2, 3, 4, 5, 6)
    assert stretched((1.0, None, 2.0, 3.0), 7) == (1, None, None, None, 2, 2.5, 3)
    assert stretched((1.0, 2.0, None), 5) == (1, 1.5, 2, None, None)


@pytest.mark.parametrize("stack", sorted({path.parent.name for path in (ROOT / "baselines").glob("*-*/exact.json")}))
def test_no_verdict_of_the_published_evidence_is_another_than_expected(stack: str) -> None:
    """With few seeds of its own, a stack's verdict and the expected one are both the reference stack's."""
    assert moved(evidence(stack)) == []
