"""The store's URL: checked, and shown without its password."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from harness.errors import SuiteError, invalid

DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg"}
"""The one driver of each database that the extra store installs."""
EXPECTED = "sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"


class Address:
    """The address of a store. SuiteError if the text is no URL of a store; the message omits it, for its password.

    Attributes:
        url: for SQLAlchemy.
        shown: the URL without its password; also the ``repr``.
    """

    def __init__(self, text: str) -> None:
        try:
            from sqlalchemy import make_url
            from sqlalchemy.exc import ArgumentError
        except ModuleNotFoundError as error:
            raise SuiteError(f"--store needs the extra store: {error}. Install sqlalchemy and psycopg.") from error
        if "://" not in text:
            fix = f"A file is sqlite:///{text}" if text and "@" not in text else ""
            raise invalid("--store", expected=EXPECTED, received="a text without ://", fix=fix)
        scheme = text.partition("://")[0]
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            raise invalid("--store", expected=EXPECTED, received=f"{scheme[:20]}:// and an unreadable rest") from None
        name, _, driver = url.drivername.partition("+")
        if name not in DRIVERS or driver not in ("", DRIVERS[name]):
            raise invalid("--store", expected=EXPECTED, received=f"{url.drivername[:40]}://")
        if "@" in (url.host or ""):
            raise invalid("--store", expected="one @, before the host", received="more", fix="In a password write %40.")
        if url.query:
            raise invalid("--store", expected=EXPECTED, received="options behind a ?", fix="Leave them out.")
        if name == "sqlite" and (not url.database or ":memory:" in url.database or url.host):
            raise invalid("--store", expected="sqlite:///FILE", received="no file, which would keep nothing")
        self.url = url.set(drivername=f"{name}+{DRIVERS[name]}")
        self.shown = f"sqlite:///{url.database}" if name == "sqlite" else self.url.render_as_string()
        self._text = text

    def __repr__(self) -> str:
        return self.shown

    def redacted(self, arguments: Iterable[str]) -> list[str]:
        """A command's arguments, with the URL replaced by ``shown``."""
        return [argument.replace(self._text, self.shown) for argument in arguments]

    def clean(self, text: str) -> str:
        """The text without the password."""
        password = str(self.url.password or "")
        for spelt in filter(None, (password, quote(password), quote(password, safe=""))):
            text = text.replace(spelt, "***")
        return text

    @property
    def file(self) -> Path | None:
        """The file of a SQLite store; None on a server."""
        return Path(self.url.database) if self.url.get_backend_name() == "sqlite" and self.url.database else None
