"""Tests whether two stacks train equivalently: ``python -m benchmarks.stacks jax-cpu``.

``baselines.agreement`` compares each metric of each variant that both have evidence of: two one-sided tests against the
metric's smallest effect of interest. The table lists the metrics that differ, the largest difference in units of that
effect first.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from baselines import evidence as files
from baselines.agreement import Agreed, Agreement, agreement
from baselines.decide import REFERENCE
from harness.domain.metric import Metric
from harness.errors import SuiteError, invalid
from reports.text import table
from suite.catalogue import EXPERIMENTS, training_name

ROOT = Path(__file__).resolve().parents[1] / "baselines"


def compared(root: Path, first: str, second: str) -> Iterator[tuple[str, Metric, Agreed]]:
    """(training, metric, result) for every metric of every variant that both stacks have.

    Raises SuiteError for damaged evidence.
    """
    for name, experiment in EXPERIMENTS.items():
        one, other = (files.read(files.path_of(root, stack, name)) for stack in (first, second))
        if one is None or other is None:
            continue
        for variant in experiment.variants:
            a, b = one.variants.get(variant.name), other.variants.get(variant.name)
            if a is None or b is None:
                continue
            for metric in experiment.metrics:
                if metric.name in a.metrics and metric.name in b.metrics:
                    x, y = (dict(enumerate(held.metrics[metric.name])) for held in (a, b))
                    yield training_name(name, variant.name), metric, agreement(metric, x, y)


def row(training: str, metric: Metric, found: Agreed) -> tuple[str, ...]:
    """The cells of a row; the interval is on the metric's scale, linear or logarithmic."""
    means = [f"{mean:.6g}" if mean is not None else "–" for mean in found.means]
    interval = f"[{found.low:+.4g}, {found.high:+.4g}]" if found.low is not None and found.high is not None else "–"
    pairs = ", by seed" if found.paired else ""
    return (
        training,
        f"{metric.name}{' (ln)' if metric.scale == 'log' else ''}",
        *means,
        f"{interval}{pairs}",
        f"±{metric.smallest_effect:g}",
        " and ".join(f"{count - absent} of {count}" for count, absent in zip(found.counts, found.absent, strict=True)),
    )


def size(metric: Metric, found: Agreed) -> float:
    """The difference in units of the metric's smallest effect of interest."""
    return abs(found.difference or 0.0) / metric.smallest_effect


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stacks", description=__doc__)
    parser.add_argument("stack", help="a folder of baselines/, such as jax-cpu")
    parser.add_argument("--against", default=REFERENCE, metavar="STACK", help=f"default: {REFERENCE}")
    parser.add_argument("--root", type=Path, default=ROOT, metavar="DIR", help="default: baselines/")
    options = parser.parse_args(arguments)
    try:
        found = list(compared(options.root, options.against, options.stack))
        if not found:
            known = sorted(path.name for path in options.root.glob("*-*") if path.is_dir())
            fix = f"Stacks with evidence: {', '.join(known) or 'none'}."
            received = f"{options.against} and {options.stack}"
            raise invalid("stacks", expected="two with evidence of the same variant", received=received, fix=fix)
    except SuiteError as error:
        print("stacks:", error, file=sys.stderr)
        return 2
    counts = Counter(one.verdict for _, _, one in found)
    print(f"{options.stack} against {options.against}, {len({name for name, _, _ in found})} trainings:")
    print(", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Agreement), "metrics.", end="\n\n")
    head = ("training", "metric", options.against, options.stack, "difference", "equivalent within", "seeds of each")
    different = [one for one in found if one[2].verdict is Agreement.DIFFERENT]
    different.sort(key=lambda one: -size(*one[1:]))
    print(table(head, (row(*one) for one in different), right=head[2:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
