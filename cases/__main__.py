"""``python -m cases``: writes ``CATALOGUE.md``, the list of claims and errata, each with the command that runs it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cases import SECTIONS
from cases.errata import ERRATA
from harness.contents import contents
from harness.record.files import replace_file

PAGE = Path(__file__).with_name("CATALOGUE.md")
HEAD = """# Every claim and erratum of the lecture

Written by `python -m cases` from the modules of this folder: change those, not this page. How to read a module stands
in [`README.md`](README.md), what came out in the [reports](../reports/published/README.md). A command runs one claim
and the trainings it needs."""


def page() -> str:
    """The content of ``CATALOGUE.md``."""
    sections = {}
    for module in SECTIONS:
        path = Path(str(module.__file__)).relative_to(PAGE.parent)
        link = path.parent if path.name == "__init__.py" else path
        title = str(module.__doc__).splitlines()[0].rstrip(".")
        sections[f"{title} ([`{link.as_posix()}`]({link.as_posix()}))"] = module.CLAIMS
    return contents(HEAD, sections, ERRATA, "What no longer runs ([`errata`](errata))")


def main(given: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0, or 2 if the page could not be written."""
    argparse.ArgumentParser(prog="python -m cases", description=__doc__).parse_args(given)
    try:
        replace_file(PAGE, page().encode())
    except OSError as error:
        print(f"cases: Cannot write {PAGE}: {error.strerror or error}. Make its folder writable.", file=sys.stderr)
        return 2
    print(f"Written: {PAGE.parent.name}/{PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
