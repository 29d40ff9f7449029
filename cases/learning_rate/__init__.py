"""1. Learning rate.

The slides: training looks for W* = ArgMin Loss(W) by gradient descent,

    loss(W | X, Y) = dist(H(X | W, b), Y),   W(n+1) = W(n) − α ∇L(W(n)),
    ∇L(W0) = lim Δ→0 (L(W0 + Δ) − L(W0)) / Δ.

A large rate α overshoots and diverges, a small one ends in a local minimum. Optimizers change the step: momentum gives
it inertia, Adagrad a size of its own for each variable, RMSProp an exponential mean in place of Adagrad's sum, and Adam
is like RMSProp and momentum together. To choose a rate, try several and observe the cost.
"""

from cases.learning_rate import descent, gradient, minima, traits, update_rules

CLAIMS = (
    *gradient.CLAIMS,
    *descent.CLAIMS,
    *minima.CLAIMS,
    update_rules.MOMENTUM_RULE,
    update_rules.NESTEROV_RULE,
    traits.MOMENTUM_KEEPS_MOVING,
    traits.MOMENTUM_IS_FASTER,
    update_rules.ADAGRAD_RULE,
    traits.ADAGRAD_PER_PARAMETER,
    update_rules.RMSPROP_RULE,
    traits.EFFECTIVE_STEP,
    traits.RECEDING_TARGET,
    update_rules.ADADELTA_RULE,
    update_rules.ADAM_RULE,
    update_rules.AMSGRAD_RULE,
    traits.ADAM_COMBINES,
    update_rules.DECAY_RULE,
)
