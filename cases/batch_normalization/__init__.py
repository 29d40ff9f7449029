"""5. Batch Normalization.

The slides: batch normalization gives the input of each layer mean 0 and standard deviation 1 (Ioffe & Szegedy 2015),

    x' = (x − mean of the batch) / √(variance of the batch + ε),   y = γ x' + β,

so that gradients neither vanish nor explode, the learning rate can be large, training is fast, and dropout and weight
regularization can be left out.
"""

from cases.batch_normalization import examples, formulas, gradients, rates, regularizing

CLAIMS = (*formulas.CLAIMS, *rates.CLAIMS, *regularizing.CLAIMS, *gradients.CLAIMS, *examples.CLAIMS)
