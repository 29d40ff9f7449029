"""Measurements on one GPU: floors, speed, peers, precision, and agreement with the CPU.

``benchmarks.measure_gpu`` runs the steps, each in a process of its own with a result file. ``text`` writes ``GPU.md``
from the result files.
"""
