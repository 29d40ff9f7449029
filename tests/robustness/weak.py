"""Processes that permission bits apply to, even if the tests run as root."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

CAPABILITIES = "-dac_override,-dac_read_search"


def _prefix() -> list[str] | None:
    """The beginning of a command that is held back by permission bits; None where there is none."""
    if os.name != "posix":
        return None
    if os.geteuid():
        return []
    setpriv = shutil.which("setpriv")
    command = [setpriv or "", "--inh-caps", CAPABILITIES, "--bounding-set", CAPABILITIES]
    works = setpriv and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    return command if works else None


_FOUND = _prefix()
AS_ANYBODY = _FOUND or []
NEEDS_WEAK = pytest.mark.skipif(_FOUND is None, reason="runs as root, and without setpriv that ends its privileges")
