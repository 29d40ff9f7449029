"""All figures of a run's experiments: for each the learning curves, then its sweep and its surface if declared."""

from __future__ import annotations

from harness.record.run import Run
from reports.figures import curves, surface, sweep
from reports.figures.picture import Picture


def figures(run: Run) -> list[Picture]:
    drawn: list[Picture] = []
    for key, experiment in run.experiments.items():
        trials = {name: run.trials[key, name] for name in experiment.variants if (key, name) in run.trials}
        trials |= {v: t for (e, v), t in run.trials.items() if e == key and v not in trials}
        drawn += curves.pictures(run, experiment, trials)
        drawn += [picture for draw in (sweep.picture, surface.picture) if (picture := draw(experiment, trials))]
    return drawn
