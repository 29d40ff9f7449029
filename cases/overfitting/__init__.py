"""3. Overfitting.

The slides: what it is, and solutions: more training data, fewer features, regularization, dropout.
"""

from cases.overfitting import data_and_features, regularization

CLAIMS = (*regularization.CLAIMS, *data_and_features.CLAIMS)
