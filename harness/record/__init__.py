"""What is written of runs and of evidence, as typed structs; their docstrings document the files."""
