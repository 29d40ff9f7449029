"""Faults as an instrument: a table of defects, and what of a run sees each."""
