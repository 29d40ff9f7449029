"""All figures of a run's report, in the order of the lecture."""

from __future__ import annotations

from collections.abc import Callable

from harness.course import course
from harness.record.run import ExperimentDeclared, Run
from reports.figures import by_seeds, curves, forest, overfitting, slide_and_seeds, surface, sweep
from reports.figures import timing_runs as timing
from reports.figures.curves import Trials
from reports.figures.picture import Picture, failed, file_name

Draw = Callable[[Run, ExperimentDeclared, Trials], Picture | None]
KINDS: tuple[Draw, ...] = (slide_and_seeds.picture, overfitting.picture, sweep.picture, curves.picture)
"""An experiment has one picture: the first of these that suits it. If it declares a surface, it has that as well."""


def pictures(run: Run) -> list[Picture]:
    """The figures of a run: those of the whole run (heading ""), then those of each experiment (its id).

    A figure that cannot be drawn is replaced by an image that says so (``picture.failed``).
    """
    drawn = [
        _attempt(forest.NAME, "", lambda: forest.forest(run)),
        _attempt(by_seeds.NAME, "", lambda: by_seeds.picture(run)),
        _attempt(timing.NAME, "", lambda: timing.timing_figure(run)),
    ]
    for experiment in sorted(run.experiments.values(), key=lambda one: one.order):
        drawn += _of_experiment(run, experiment)
    return [picture for picture in drawn if picture is not None]


def _of_experiment(run: Run, experiment: ExperimentDeclared) -> list[Picture | None]:
    key = experiment.id
    trials = {name: run.trials[key, name] for name in experiment.variants if (key, name) in run.trials}
    trials |= {name: of for (of_key, name), of in run.trials.items() if of_key == key and name not in trials}

    def first() -> Picture | None:
        return next((made for draw in (*own(), *KINDS) if (made := draw(run, experiment, trials)) is not None), None)

    if not trials:
        return []
    one = None if key in course().without_curves else _attempt(file_name(key), key, first)
    return [one, _attempt(file_name(key, "surface"), key, lambda: surface.picture(run, experiment, trials))]


def own() -> tuple[Draw, ...]:
    """The kind of picture that only the default course has."""
    if not course().default:
        return ()
    from reports.figures import closed_form

    return (closed_form.picture,)


def _attempt(name: str, heading: str, draw: Callable[[], Picture | None]) -> Picture | None:
    try:
        return draw()
    except Exception as error:  # one figure is no reason to lose the report
        return failed(name, heading, error)
