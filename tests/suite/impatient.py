"""A plugin (-p tests.suite.impatient) under which the scheduler of a cluster has a second to answer."""

from harness.execution import cluster

cluster.TIMEOUT = 1.0
