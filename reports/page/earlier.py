"""Earlier runs, as the page shows them: the trend of accuracy and time of each case."""

from __future__ import annotations

from typing import Literal

import msgspec


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one run.

    Attributes:
        date: of the run, ISO 8601.
        run: its id.
        value: in the unit of the series.
        machine, version: the processor or GPU, and the version of the backend.
    """

    date: str
    run: str
    value: float
    machine: str = ""
    version: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change point: the date of the first run after it, and a sentence."""

    date: str
    text: str


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One case over the runs, oldest first; the last point is of the run that the page reports.

    Attributes:
        name: the case ("example-4/softmax").
        kind: what the values are.
        unit: of the values ("s", "fraction").
        points, changes: the values, and where they changed.
    """

    name: str
    kind: Literal["accuracy", "time"]
    unit: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...] = ()


class Trend(msgspec.Struct, frozen=True):
    """The series of all cases."""

    series: tuple[Series, ...]
