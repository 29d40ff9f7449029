"""1. Learning rate.

The slides: training looks for W* = ArgMin Loss(W) by gradient descent,

    loss(W | X, Y) = dist(H(X | W, b), Y),   W(n+1) = W(n) − α ∇L(W(n)),
    ∇L(W0) = lim Δ→0 (L(W0 + Δ) − L(W0)) / Δ.

A large rate α overshoots and diverges, a small one ends in a local minimum. Optimizers change the step: momentum gives
it inertia, Adagrad a size of its own for each variable, RMSProp an exponential mean in place of Adagrad's sum, and Adam
is like RMSProp and momentum together. To choose a rate, try several and observe the cost.
"""

from cases.learning_rate import descent, double_well, motion

CLAIMS = (*descent.CLAIMS, *double_well.CLAIMS, *motion.CLAIMS)
