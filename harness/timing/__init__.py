"""Engines timed against each other on the same work, in one process and in alternation.

``alternation`` measures; ``flops``, ``peak`` and ``memory`` say what was done, on what and with what; ``ratio`` and
``stability`` say what the numbers are worth. Nothing here compares with an earlier run: ``baselines.slowdown`` does.
"""
