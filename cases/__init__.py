"""The lecture as a course. Read the modules in the order of ``SECTIONS``."""

from cases import batch_normalization, learning_rate, lecture, optimizers, overfitting, preprocessing
from cases.data import checks
from cases.errata import ERRATA
from cases.examples import learning_rate as example_1
from cases.examples import mnist_softmax as example_3
from cases.examples import mnist_tips as example_4
from cases.examples import normalization as example_2
from harness.course import Course

SECTIONS = (
    learning_rate,
    preprocessing,
    overfitting,
    optimizers,
    batch_normalization,
    example_1,
    example_2,
    example_3,
    example_4,
)
"""The modules that have claims, in lecture order."""

CLAIMS = tuple(claim for section in SECTIONS for claim in section.CLAIMS)

COURSE = Course(
    claims=CLAIMS,
    checks=checks.CHECKS,
    errata=ERRATA,
    title=lecture.TITLE,
    author=lecture.AUTHOR,
    slides=lecture.SLIDES,
    findings=lecture.FINDINGS,
    causes=lecture.CAUSES,
    timed=lecture.TIMED,
    on_demand=lecture.ON_DEMAND,
    without_curves=lecture.WITHOUT_CURVES,
    sweeps_also=lecture.SWEEPS_ALSO,
)
