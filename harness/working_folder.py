"""The process's working folder, which all threads share."""

import threading

LOCK = threading.Lock()
"""Held by whoever changes the working folder for a while, or starts a process, which begins in it."""
