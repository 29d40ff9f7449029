"""1.1 Gradient descent, 1.2 Large learning rate, 1.3 Small learning rate.

The slides: W(n+1) = W(n) − α ∇L(W(n)) leads from W0 to W*, the global minimum; α = 10 overshoots and diverges; and
α = 0.001 ends in a local minimum W_l* (although the slide before lets the same rate reach W*). To choose a rate: try
several, observe the cost, check that it goes down at a reasonable rate.

On a quadratic loss all of this follows from the Hessian: each step multiplies the error along an eigenvector by
1 − α λ. Above 2 / λ_max the steepest component grows; far below, the flattest takes about 1 / (α λ_min) steps. A second
minimum needs another loss.

The slides' own model is Dense(1, input 3), mean squared error, 'sgd', 1000 epochs, without data. Ours are 32 examples,
because Keras' default batch is 32: each epoch is then one step of gradient descent on the whole loss, as the formula
has it.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from cases.metrics import INF_EPOCH, LOSS_RATIO, NAN_EPOCH, first_epoch, rises
from cases.networks import at_rates, dense_linear
from cases.references.least_squares import hessian, least_loss, optimum
from cases.rules import EverySeed
from harness.claim import Claim, Source
from harness.model import Dataset, Experiment, History, Metric, Size
from harness.plots import Plots, Sweep
from harness.rules import All, Best, Converges, Diverges, Exceeds

EXAMPLES, NOISE = 32, 0.5
WITHIN = 1.05  # in units of the least loss


@functools.cache
def three_features() -> Dataset:
    """Three standard normal features and a noisy linear target, shapes (32, 3) and (32, 1)."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((EXAMPLES, 3))
    y = x @ [[1.0], [-2.0], [0.5]] + 0.3 + NOISE * rng.standard_normal((EXAMPLES, 1))
    return Dataset(x.astype("float32"), y.astype("float32"))


@functools.cache
def least_squares() -> np.ndarray:
    """W* by least squares instead of descent: three weights and the bias, shape (4,)."""
    return optimum(three_features())[:, 0]


@functools.cache
def curvature() -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, ascending, and eigenvectors (columns) of the Hessian of the loss."""
    eigenvalues, vectors = np.linalg.eigh(hessian(three_features()))
    return eigenvalues, vectors


def _error(weights: Sequence[Any]) -> Any:
    """W − W*, shape (4,), of a Dense layer's kernel (3, 1) and bias (1,)."""
    from keras import ops

    kernel, bias = weights
    return ops.concatenate([ops.reshape(kernel, (-1,)), bias]) - ops.convert_to_tensor(least_squares(), "float32")


def distance(weights: Sequence[Any]) -> Any:
    """‖W − W*‖ / ‖W*‖."""
    from keras import ops

    return ops.norm(_error(weights)) / float(np.linalg.norm(least_squares()))


def steepest(weights: Sequence[Any]) -> Any:
    """The length of W − W* along the eigenvector of the largest eigenvalue."""
    from keras import ops

    return ops.abs(ops.sum(_error(weights) * ops.convert_to_tensor(curvature()[1][:, -1], "float32")))


def steps_to_minimum(history: History) -> float | None:
    """The first step, from 1, that begins with a loss of at most WITHIN times the least loss; None if there is none."""
    limit = WITHIN * least_loss(three_features())
    return first_epoch(history["loss"], lambda loss: loss <= limit)


def early_growth(history: History) -> float:
    """The loss before the fifth step, divided by the initial loss."""
    return history["loss"][4] / history["loss"][0]


def growing_steps(history: History) -> float:
    """The number of steps, from the second to the tenth, after which W − W* had grown along the steepest direction."""
    return rises(history["steepest"][:10])


DISTANCE = Metric("distance", better="lower", unit="of ‖W*‖", smallest_effect=0.1, scale="log", floor=1e-3)
STEPS = Metric("steps", better="lower", unit="steps", smallest_effect=0.05, scale="log", of=steps_to_minimum)
EARLY_GROWTH = Metric("early_growth", better="lower", unit="ratio", smallest_effect=0.1, scale="log", of=early_growth)
GROWING = Metric("growing_steps", better="lower", unit="steps", smallest_effect=1.0, of=growing_steps)
LOSS = Metric("loss", better="lower", unit="squared units", smallest_effect=0.01, scale="log")

DATA = "32 random examples of three features and a noisy linear target: the slide names no data"
ON_OURS = "here in 1,000 steps on our data: the slide names no data, and more examples make more steps of an epoch"
HIGH = 0.5  # share of the initial cost
SWEPT = ("1e-4", "1e-3", "0.01", "0.03", "0.1", "0.3", "1", "3", "10")

on_our_data = functools.partial(
    Experiment,
    data=three_features,
    model=functools.partial(dense_linear, 3, 1),
    loss="mean_squared_error",
    accuracy=False,
)

DESCENT = on_our_data(
    id="gradient-descent",
    size=Size(epochs=1000, batch_size=32),
    metrics=(LOSS, DISTANCE, STEPS, EARLY_GROWTH, GROWING, INF_EPOCH, NAN_EPOCH),
    follow={"distance": distance, "steepest": steepest},
    variants=at_rates("0.001", "0.01", "0.1", "0.5", "10"),
)

SWEEP = on_our_data(
    id="rate-sweep",
    size=Size(epochs=10, batch_size=32),
    metrics=(LOSS, LOSS_RATIO),
    variants=at_rates(*SWEPT),
    plots=Plots(
        sweep=Sweep(
            over="learning rate", metric="loss", title="The loss after ten steps, by learning rate.", y_scale="log"
        ),
    ),
)


def reaches(rate: str, source: Source, quote: str, *notes: str, reading: str = "") -> Claim:
    return Claim(
        id="gd-reaches-minimum",
        case=f"rate {rate}",
        slide="1.1 Gradient descent algorithm",
        statement=f"Gradient descent with α = {rate} reaches W*, the global minimum, in 1,000 steps on our data.",
        rule=Converges(f"rate {rate}", metric="distance", at_most=0.01),
        experiment=DESCENT,
        source=source,
        quote=quote,
        reading=reading,
        shown=f"At α = {rate} the weights come within 1 % of W* in {{0}}; the distance left, on average, is {{rate "
        f"{rate}}} of the norm of W*.",
        deviations=(DATA, "'reaches' is a distance of at most 1 % of the norm of W*, the least-squares solution"),
        notes=(*notes, "Changed: every seed has to reach it: the slide starts from any W0."),
    )


CLAIMS = (
    reaches("0.5", "read", r"W_1 = W_0 - 0.5 \Delta L(W_0)", reading=f"the formulas lead to W*, {ON_OURS}"),
    reaches(
        "0.01",
        "read",
        "model.compile(loss='mse',optimizer='sgd') model.fit(X,Y,epochs=1000)",
        "The listing's 'sgd' means this rate; the slide's formulas use 0.5 and 0.001.",
        reading=f"the listing stands under formulas that lead to W*, {ON_OURS}",
    ),
    reaches(
        "0.001",
        "ours",
        r"W_1 = W_0 - 0.001\Delta L(W_0)",
        "The slide lets this rate reach W* and does not say in how many steps: its listing's 1,000 epochs are at 0.01. "
        "So this is no finding about it. With more than 32 examples 1,000 epochs are more steps.",
        "The rate is only slow. Along the flattest direction a step multiplies the error by 1 − 0.001 λ_min = 0.999, "
        "and 4,520 steps bring it to 1 %.",
        "Changed after verdicts were seen: it was worded as the lecture's.",
    ),
    Claim(
        id="large-rate-diverges",
        slide="1.2 Large learning rate: overshooting",
        statement="α = 10 diverges.",
        rule=Diverges("rate 10"),
        alongside=tuple(
            EverySeed("rate 10", f"first_{kind}_epoch", at_most=DESCENT.size.epochs) for kind in ("inf", "nan")
        ),
        experiment=DESCENT,
        quote="1.2 Large learning rate :overshooting(발산)",
        shown="At α = 10 the loss does not stay finite in {0}: it becomes inf in {a0}, and then nan in {a1}.",
        deviations=(DATA,),
        notes=(
            "Changed: every seed has to diverge, not only most, because the slide makes no exception. The rules "
            "alongside say whether and when the loss is inf, and whether it becomes nan.",
        ),
    ),
    Claim(
        id="large-rate-overshoots",
        slide="1.2 Large learning rate: overshooting",
        statement="With too large a rate each step overshoots, and the loss rises instead of falling.",
        rule=All(
            (
                EverySeed("rate 10", "early_growth", at_least=1.0),
                EverySeed("rate 10", "growing_steps", at_least=9),
                EverySeed("rate 0.1", "early_growth", at_most=1.0),
            )
        ),
        experiment=DESCENT,
        quote="Too large : Over shooting",
        shown="At α = 10 the loss after four steps is above the initial one in {0}, and the weights move away from W* "
        "at each of nine steps in {1}; at 0.1 the loss is below the initial one in {2}.",
        deviations=(
            DATA,
            "early_growth is the loss after four steps over the initial one: above 1 at α = 10, below 1 at 0.1; "
            "growing_steps counts, of the second to the tenth step, those after which the weights are farther from W* "
            "along the steepest direction: all nine",
        ),
        notes=(
            "The rate is above 2 / λ_max = 0.93, so every step multiplies that error by 1 − α λ_max = −20.",
            "Changed: the loss is compared with the initial loss of the same training, in every seed, no longer with "
            "the loss at another rate.",
        ),
    ),
    Claim(
        id="small-rate-is-slow",
        slide="1.3 Small learning rate",
        statement="A small rate takes many more steps.",
        rule=All(
            (
                Exceeds("rate 0.01", "rate 0.1", metric="steps", margin=1),
                Exceeds("rate 0.001", "rate 0.01", metric="distance", margin=1),
            )
        ),
        experiment=DESCENT,
        source="ours",
        quote=r"$\alpha = 0.001$, small value",
        shown="0.01 takes {0} as many steps as 0.1; after 1,000 steps 0.001 has left {1} the distance of 0.01.",
        deviations=(
            DATA,
            "not said outright: one slide lets α = 0.001 reach W*, the next lets it end in a local minimum",
            "from 0.1 to 0.01: steps to 1.05 times the least loss, more than e times as many, where a tenth of the "
            "rate should take ten times as many; from 0.01 to 0.001: the distance from W* after the slide's 1000 "
            "epochs, more than e times as large",
        ),
        notes=(
            "Changed: at 0.001 no training comes to 1.05 times the least loss in 1000 epochs, so there are no steps to "
            "compare; the distance that is left is compared instead.",
        ),
    ),
    Claim(
        id="rate-sweep",
        slide="1. Learning rate, How to choose the learning rate?",
        statement="Trying several rates can show a good one: on our data one in the middle of a grid brings the cost "
        "down best, and the cost stays high at both ends.",
        rule=All(
            (
                Best("rate 0.3", among=tuple(f"rate {rate}" for rate in SWEPT), metric="loss", failures="count"),
                EverySeed(f"rate {SWEPT[0]}", "loss_ratio", at_least=HIGH),
                EverySeed(f"rate {SWEPT[-1]}", "loss_ratio", at_least=HIGH),
            )
        ),
        experiment=SWEEP,
        source="read",
        quote="Try several learning rates - Observe the cost function - Check it goes down in a reasonable rate",
        reading="advice presupposes that it helps: that the cost tells a good rate from a bad one",
        shown="After ten steps the loss is {0:short} that of the rate 0.3 at 1e-4, {1:short} at 1e-3, {2:short} at "
        "0.01, {3:short} at 0.03, {4:short} at 0.1, {5:short} at 1, {6:short} at 3 and {7:short} at 10. More than half "
        "of the initial cost is left at 1e-4 in {8} and at 10 in {9}.",
        deviations=(
            DATA,
            "a budget of ten steps; the candidate, 0.3, was fixed beforehand on other seeds (1000 to 1009)",
            f"'stays high': more than {HIGH:g} of the initial cost is left at the lowest and at the highest rate",
        ),
        notes=("Changed: that the cost stays high at both ends is now tested.",),
    ),
)
