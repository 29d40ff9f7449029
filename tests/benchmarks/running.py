"""Runs a file as a step's process: ``python -m tests.benchmarks.running FILE RESULT``."""

import runpy
import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background has inherited that it is ignored
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
