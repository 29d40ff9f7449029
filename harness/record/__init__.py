"""What is written of runs and of evidence, as typed structs: their docstrings are the documentation of the files."""
