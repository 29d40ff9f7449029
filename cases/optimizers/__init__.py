"""4. Optimizers.

The slides: how optimizers are used, and what each takes: SGD, RMSProp, Adagrad, Adadelta, Adam. ``clipnorm`` and
``clipvalue`` can be used with all of them,

    clipnorm = c:   g ← g · min(1, c / ‖g‖),      clipvalue = v:   g ← max(−v, min(v, g)).

Adam trains fastest, in the figure of its own paper (Kingma & Ba 2015). Update rules are in section 1.
"""

from cases.optimizers import clipping, defaults, race, usage

CLAIMS = (*usage.CLAIMS, *clipping.CLAIMS, *defaults.CLAIMS, *race.CLAIMS)
