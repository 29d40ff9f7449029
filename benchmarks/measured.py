"""A file of what was measured, with which a later call goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.errors import invalid
from harness.record.files import replace_file


class Measured:
    """Results by name. Each is in the file, in JSON, as soon as it is there.

    Args:
        path: the file; None keeps nothing. SuiteError if it is damaged.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.results: dict[str, Any] = {}
        if path is not None and path.exists():
            try:
                self.results = dict(json.loads(path.read_text("utf-8")).items())
            except (OSError, ValueError, AttributeError) as error:
                raise invalid(f"file {path}", expected="what --out wrote", received=error) from None

    def put(self, name: str, result: Any) -> None:
        self.results[name] = result
        if self.path is not None:
            replace_file(self.path, (json.dumps(self.results, indent=1) + "\n").encode())
