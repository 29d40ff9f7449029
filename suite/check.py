"""The check: whether this machine trains what the evidence holds. It decides no claim anew.

A tiny training goes to the end with ten seeds. Any other trains its first steps with five seeds, and an anchor trains
one seed to the end. A claim's verdict is that of the evidence; the check says how much of it this machine confirms.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from baselines import judge
from baselines.evidence import TINY_SEEDS
from baselines.judge import ClaimState, Judged
from baselines.rounding import CHECKED, MOST_STEPS
from harness.claim import Claim
from harness.errors import SuiteError
from harness.experiment import Experiment
from harness.record.evidence import VariantEvidence
from harness.record.trials import ShortTrial
from harness.rules.levels import PLAIN
from harness.store import RecordError
from harness.trial import Trial
from harness.verdict import Verdict
from suite.catalogue import EXPERIMENTS, training_name
from suite.evidence import REFERENCE, StoredEvidence
from suite.outcome import Outcome
from suite.run import SuiteRun, not_run

ANCHOR_SEED = 0
