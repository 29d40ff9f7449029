"""Whether verdicts agree between precisions, and accuracies between CPU and GPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from baselines.files import read

from baselines.agreement import Agreed, Agreement, agreement
from baselines.record import Baseline, VariantBaseline
from cases import CLAIMS
from harness.catalogue import experiments
from harness.claim import Claim
from harness.experiment import Experiment
from harness.trial import Trial
from harness.verdict import Verdict
from reports.text import code, escape, number, plural, table
from reports.words import verdict_text

MANY_ON_CPU = Path(__file__).resolve().parents[2] / "baselines" / "many"
"""Hundreds of seeds of the quick setting on a CPU, for this comparison alone."""


def precisions(out: Path) -> str:
    """The claims by both precisions of products, each on the seeds that both have."""
    usual, highest = (stored(out / f"{name}-baselines", "lecture") for name in ("lecture", "highest"))
    if not usual or not highest:
        return ""
    rows, agreed, seeds = [], 0, 0
    for claim in CLAIMS:
        verdicts = {name: _decided(claim, held) for name, held in (("usual", usual), ("highest", highest))}
        if None in verdicts.values():
            continue
        first, second = _decided(claim, usual, highest), verdicts["highest"]
        assert first is not None
        assert second is not None
        seeds = max(seeds, second[1])
        if first[0] is second[0]:
            agreed += 1
        else:
            rows.append([code(claim.key), verdict_text(str(first[0])), verdict_text(str(second[0])), str(second[1])])
    total = agreed + len(rows)
    text = (
        "## Precision of products: verdicts\n\n"
        f"{agreed} of {plural(total, 'claim')} have the same verdict at the default precision and at the highest, on "
        f"the same seeds (up to {seeds})."
    )
    if rows:
        text += "\n\n" + table(["claim", "default", "highest", "seeds"], rows, right=["seeds"])
    return text


def cpu_and_gpu(out: Path, cpu: Path = MANY_ON_CPU) -> str:
    """Every variant of the quick setting: its primary metric on the CPU and on the GPU."""
    ours, theirs = stored(cpu, "quick"), stored(out / "quick-baselines", "quick")
    rows, counts = [], dict.fromkeys(Agreement, 0)
    for experiment, variant, found in compared(ours, theirs):
        counts[found.verdict] += 1
        unit = experiment.metrics[0].unit if experiment.metrics[0].scale == "linear" else "log"
        interval = f"{number(found.difference, unit)} [{number(found.low, unit)}, {number(found.high, unit)}]"
        rows.append(
            [
                code(f"{experiment.id}/{variant}"),
                escape(experiment.metrics[0].name),
                _side(found, 0, unit),
                _side(found, 1, unit),
                f"{interval}{', by seed' if found.paired else ''}",
                f"± {number(experiment.metrics[0].smallest_effect, unit)}",
                "–" if found.ratio is None else "{:.2f} [{:.2f}, {:.2f}]".format(*found.ratio),
                str(found.verdict),
            ]
        )
    if not rows:
        return ""
    headers = ["variant", "metric", "CPU", "GPU", "difference", "margin", "ratio of deviations", ""]
    counted = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return (
        "## CPU and GPU\n\n"
        f"Are the accuracies of the quick setting one distribution? {counted}: two one-sided tests at the smallest "
        "effect of interest, 95 % together. What differs on purpose: products in TF32 and sums in no fixed order on "
        f"the GPU, engine {code('compiled')} on the CPU for all but tiny trainings; seeds, initial weights and data "
        "orders are the same.\n\n" + table(headers, rows)
    )


def stored(root: Path, setting: str) -> dict[str, Baseline]:
    """The baselines below a folder by experiment, of its one stack; empty where there are none."""
    found = (read(path) for path in sorted((root / setting).glob("*/*.json")))
    return {baseline.experiment: baseline for baseline in found if baseline is not None}


def compared(
    cpu: Mapping[str, Baseline], gpu: Mapping[str, Baseline]
) -> Iterator[tuple[Experiment, str, Agreed]]:  # fmt: skip
    """Each variant that both have by one definition, by the experiment's first metric."""
    for experiment in experiments(CLAIMS):
        for variant in experiment.variants:
            first, second = (_variant(held, experiment.id, variant.name) for held in (cpu, gpu))
            if first is not None and second is not None and first.definition == second.definition:
                metric = experiment.metrics[0]
                a, b = ({t.seed: t.metrics.get(metric.name) for t in one.trials} for one in (first, second))
                yield experiment, variant.name, agreement(metric, a, b)


def _variant(held: Mapping[str, Baseline], experiment: str, name: str) -> VariantBaseline | None:
    baseline = held.get(experiment)
    return baseline.variants.get(name) if baseline else None


def _decided(
    claim: Claim, held: Mapping[str, Baseline], others: Mapping[str, Baseline] | None = None
) -> tuple[Verdict, int] | None:
    """The claim's verdict and number of seeds on stored trials, on those seeds only that ``others`` have as well."""
    if claim.experiment is None:
        return None
    trials: dict[str, tuple[Trial, ...]] = {}
    for name in claim.variants:
        own = _variant(held, claim.experiment.id, name)
        if own is None:
            return None
        other = _variant(others, claim.experiment.id, name) if others is not None else own
        if other is None:
            return None
        seeds = {trial.seed for trial in other.trials}
        trials[name] = tuple(trial for trial in own.trials if trial.seed in seeds)
    decision, _ = claim.decide(trials)
    return decision.verdict, min(map(len, trials.values()))


def _side(found: Agreed, side: int, unit: str) -> str:
    mean, deviation, count, absent = (
        values[side] for values in (found.means, found.deviations, found.counts, found.absent)
    )
    without = f", {absent} without a value" if absent else ""
    spread = "" if deviation is None else f" ± {number(deviation, unit)}"
    return f"{number(mean, unit)}{spread} (n = {count}{without})"
