"""A plugin (-p tests.suite.impatient): the scheduler of a cluster has one second to answer."""

from harness.execution import cluster

cluster.TIMEOUT = 1.0
