"""Whether verdicts agree between precisions, and metrics between CPU and GPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.gpu.steps import ROOT, evidence_folder
from cases import CLAIMS
from harness.check.agreement import Agreed, Agreement, agreement
from harness.check.decide import common_seeds
from harness.check.evidence import path_of, read, trials
from harness.check.judge import REFERENCE
from harness.domain.claim import Claim, experiments
from harness.domain.experiment import Experiment
from harness.domain.verdict import Verdict
from harness.record.evidence import Evidence
from reports.text import code, escape, table
from reports.words import number, plural, verdict_text

CPU_STACKS = ("jax-cpu", REFERENCE)
"""A GPU is compared with the first of these stacks that has evidence."""


def precisions(out: Path) -> str:
    """The section that compares verdicts at both precisions of products, on the seeds that both have."""
    usual, highest = (next(iter(stored(evidence_folder(out, name)).values()), {}) for name in ("full", "highest"))
    rows, agreed, most = [], 0, 0
    for claim in CLAIMS:
        name = claim.experiment.id if claim.experiment else ""
        if name not in usual or name not in highest:
            continue
        seeds = min(common_seeds(claim, of[name]) for of in (usual, highest))
        if not seeds:
            continue
        first, second = (_decided(claim, of[name], seeds) for of in (usual, highest))
        most = max(most, seeds)
        if first is second:
            agreed += 1
        else:
            rows.append([code(claim.key), verdict_text(first), verdict_text(second), str(seeds)])
    if not most:
        return ""
    total = agreed + len(rows)
    text = (
        "## Precision of products: verdicts\n\n"
        f"{agreed} of {plural(total, 'claim')} have the same verdict at the default precision and at the highest, on "
        f"the same seeds (up to {most})."
    )
    if rows:
        text += "\n\n" + table(["claim", "default", "highest", "seeds"], rows, right=["seeds"])
    return text


def cpu_and_gpu(out: Path, root: Path = ROOT / "baselines") -> str:
    """The section that compares each variant's first metric on the CPU and on the GPU."""
    gpus, cpus = stored(evidence_folder(out, "full")), stored(root)
    cpu = next((stack for stack in CPU_STACKS if stack in cpus), None)
    gpu = next(iter(gpus), None)
    if cpu is None or gpu is None:
        return ""
    rows, counts = [], dict.fromkeys(Agreement, 0)
    for experiment, variant, found in compared(cpus[cpu], gpus[gpu]):
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
        f"Do {code(cpu)} and {code(gpu)} give the same distribution of each metric? {counted}: two one-sided tests at "
        "the smallest effect of interest, 95 % together. Intended differences: products in TF32 and sums in no fixed "
        "order on the GPU, and the engine.\n\n" + table(headers, rows)
    )


def stored(root: Path) -> dict[str, dict[str, Evidence]]:
    """The evidence of the catalogue's experiments below a folder, by stack and experiment."""
    found: dict[str, dict[str, Evidence]] = {}
    for experiment in experiments(CLAIMS):
        for path in sorted(root.glob(f"*/{experiment.id}.json")):
            stack = path.parent.name
            evidence = read(path_of(root, stack, experiment.id))
            if evidence is not None and evidence.variants:
                found.setdefault(stack, {})[experiment.id] = evidence
    return found


def compared(
    cpu: Mapping[str, Evidence], gpu: Mapping[str, Evidence]
) -> Iterator[tuple[Experiment, str, Agreed]]:  # fmt: skip
    """(experiment, variant, result) of each variant that both have with the same configuration, by the first metric."""
    from harness.training.configuration import differences

    for experiment in experiments(CLAIMS):
        if experiment.id not in cpu or experiment.id not in gpu:
            continue
        metric = experiment.metrics[0]
        for variant in experiment.variants:
            sides = [of[experiment.id].variants.get(variant.name) for of in (cpu, gpu)]
            first, second = (one if one is not None and metric.name in one.metrics else None for one in sides)
            if first is not None and second is not None and not differences(first.configuration, second.configuration):
                a, b = (dict(enumerate(one.metrics[metric.name])) for one in (first, second))
                yield experiment, variant.name, agreement(metric, a, b)


def _decided(claim: Claim, evidence: Evidence, seeds: int) -> Verdict:
    """The claim's verdict on the first ``seeds`` stored trials."""
    decision, _ = claim.decide({name: trials(evidence.variants[name], name)[:seeds] for name in claim.variants})
    return decision.verdict


def _side(found: Agreed, side: int, unit: str) -> str:
    mean, deviation, count, absent = (
        values[side] for values in (found.means, found.deviations, found.counts, found.absent)
    )
    without = f", {absent} without a value" if absent else ""
    spread = "" if deviation is None else f" ± {number(deviation, unit)}"
    return f"{number(mean, unit)}{spread} (n = {count}{without})"
