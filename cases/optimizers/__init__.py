"""4. Optimizers.

The slides: how optimizers are used, and what each takes: SGD, RMSProp, Adagrad, Adadelta, Adam. ``clipnorm`` and
``clipvalue`` can be used with all of them. Adam, of the method's own paper (Kingma & Ba 2015), trains fastest.
"""

from cases.optimizers import clipped_training, clipping, defaults, race

CLAIMS = (*clipping.CLAIMS, *clipped_training.CLAIMS, *defaults.CLAIMS, *race.CLAIMS)
