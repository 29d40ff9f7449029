"""Runs a file as a step's process: ``python -m tests.benchmarks.running FILE RESULT``."""

import runpy
import sys

if __name__ == "__main__":
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
