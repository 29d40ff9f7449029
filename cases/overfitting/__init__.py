"""3. Overfitting.

The slides: overfitting is that, after some epochs, the training data go on being learnt well and the evaluation data no
longer are. Solutions: more training data, fewer features, regularization, dropout. Regularization lets no number in the
weights grow too big, Loss = D(H(X | W, B), Y) + λ Σ W².
"""

from cases.overfitting import data_and_features, formulas, regularization

CLAIMS = (*formulas.CLAIMS, *regularization.CLAIMS, *data_and_features.CLAIMS)
