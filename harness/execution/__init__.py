"""The one way to run: tasks, and the places that run them.

``here`` is this process, ``workers`` are processes on this machine, ``cluster`` is a running Dask cluster. All three
give the same messages for the same tasks (``harness.execution.task``).
"""
