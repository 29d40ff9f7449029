"""The store's URL: checked, and shown without its password."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from harness.errors import SuiteError, invalid

if TYPE_CHECKING:
    from sqlalchemy import URL

DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg"}
"""The one driver of each database that is installed with the suite."""
EXPECTED = "sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"
HIDDEN = "***"


class Address:
    """The address of a store. SuiteError if the text is no URL of a store; the message omits it, for its password.

    Attributes:
        url: for SQLAlchemy.
        shown: the URL without its password; also the ``repr``.
    """

    def __init__(self, text: str) -> None:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

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
        if name == "sqlite" and (not url.database or ":memory:" in url.database or url.host):
            raise invalid("--store", expected="sqlite:///FILE", received="no file, which would keep nothing")
        if name == "sqlite" and url.query:
            raise invalid("--store", expected="sqlite:///FILE", received=f"options: {', '.join(url.query)[:40]}")
        self.url = _with_its_password(url).set(drivername=f"{name}+{DRIVERS[name]}")
        secrets = {"password": self.url.password, **{key: url.query[key] for key in url.query if _secret(key)}}
        self._secrets = {str(value) for value in secrets.values() if value}
        self.shown = f"sqlite:///{url.database}" if name == "sqlite" else _shown(self.url)
        self._text = text

    def __repr__(self) -> str:
        return self.shown

    def redacted(self, arguments: Iterable[str]) -> list[str]:
        """A command's arguments, with the URL replaced by ``shown``."""
        return [argument.replace(self._text, self.shown) for argument in arguments]

    @property
    def file(self) -> Path | None:
        """The file of a SQLite store; None on a server."""
        return Path(self.url.database) if self.url.get_backend_name() == "sqlite" and self.url.database else None

    def clean(self, text: str) -> str:
        """The text without the password, in any of its encodings."""
        spellings = {
            spelt for one in self._secrets for spelt in (one, quote(one, safe=""), quote(one), quote_plus(one))
        }
        for spelt in sorted(spellings, key=len, reverse=True):
            text = text.replace(spelt, HIDDEN)
        return text


def _with_its_password(url: URL) -> URL:
    """The URL with the password of ``?password=`` in the place that SQLAlchemy hides."""
    given = url.query.get("password")
    if given is None:
        return url
    if not isinstance(given, str) or url.password:
        raise SuiteError("Invalid --store: it has more than one password. Leave one of them in.")
    return url.difference_update_query(["password"]).set(password=given)


def _secret(key: str) -> bool:
    return "password" in key.lower()


def _shown(url: URL) -> str:
    return url.update_query_dict({key: HIDDEN for key in url.query if _secret(key)}).render_as_string()
