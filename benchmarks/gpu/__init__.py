"""Measurements on one GPU: floors, speed by number of seeds, ``fit``, precision, and a run of the suite to the end.

``benchmarks.measure_gpu`` runs the ``steps``, each in a process (``worker``) with a result file. ``text`` makes
``GPU.md``.
"""
