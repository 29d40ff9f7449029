"""Everything that is measured on one GPU alongside verdicts: floors, speed, peers, precision, agreement with the CPU.

``benchmarks.measure_gpu`` runs the steps, each in a process of its own, and leaves a file for each; ``text`` makes
``GPU.md`` of those that are there.
"""
