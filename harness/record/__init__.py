"""The file formats of runs, evidence and stored times, as typed structs. Their docstrings document the files."""
