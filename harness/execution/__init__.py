"""Runs tasks in one of three places, with the same messages (``harness.execution.task``).

``here`` is this process, ``workers`` are processes on this machine, ``cluster`` is a running Dask cluster.
"""
