"""Times engines against each other on the same training, in one process, in alternation.

``alternation`` measures. ``flops``, ``peak`` and ``memory`` give the operations, the machine's peak and the memory.
``ratio`` and ``stability`` say how reliable the numbers are. ``harness.check.slowdown`` compares with earlier runs.
"""
