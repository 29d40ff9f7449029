"""3. Overfitting.

The slides: overfitting means that after some epochs training on the training data still improves, but evaluation data
are no longer learnt well. Solutions: more training data, fewer features, regularization, dropout. Regularization keeps
the weights from growing too large, Loss = D(H(X | W, B), Y) + λ Σ W².
"""

from cases.overfitting import data_and_features, regularization

CLAIMS = (*regularization.CLAIMS, *data_and_features.CLAIMS)
