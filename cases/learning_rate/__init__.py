"""1. Learning rate.

The slides: training looks for W* = ArgMin Loss(W) by gradient descent,

    loss(W | X, Y) = dist(H(X | W, b), Y),   W(n+1) = W(n) − α ∇L(W(n)),
    ∇L(W0) = lim Δ→0 (L(W0 + Δ) − L(W0)) / Δ.

A large rate α overshoots and diverges, a small one ends in a local minimum. Optimizers change the step: momentum gives
it inertia, Adagrad a size of its own for each variable, RMSProp an exponential mean in place of Adagrad's sum, and Adam
is like RMSProp and momentum together. To choose a rate, try several and observe the cost.
"""

from cases.learning_rate import convexity, descent, double_well, motion, rules, traits

CLAIMS = (
    rules.SGD_UPDATE_RULE,
    traits.GRADIENT_IS_LIMIT,
    *descent.CLAIMS,
    *double_well.CLAIMS,
    *convexity.CLAIMS,
    rules.MOMENTUM_RULE,
    rules.NESTEROV_RULE,
    traits.MOMENTUM_KEEPS_MOVING,
    motion.MOMENTUM_IS_FASTER,
    rules.ADAGRAD_RULE,
    traits.ADAGRAD_PER_PARAMETER,
    rules.RMSPROP_RULE,
    traits.EFFECTIVE_STEP,
    traits.RECEDING_TARGET,
    rules.ADADELTA_RULE,
    rules.ADAM_RULE,
    rules.AMSGRAD_RULE,
    traits.ADAM_COMBINES,
    rules.DECAY_RULE,
)
