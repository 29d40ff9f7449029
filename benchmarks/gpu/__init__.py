"""``benchmarks.measure_gpu`` runs ``steps``, each a process (``worker``) with a result; ``text`` makes ``GPU.md``."""
