"""The URL of a store: a wrong URL is refused in one sentence, and a password is never shown."""

from __future__ import annotations

import pytest

from harness.errors import SuiteError
from harness.record.address import Address


@pytest.mark.parametrize(
    "text",
    [
        "store.sqlite", "", "sqlite://", "sqlite:///:memory:", "sqlite:///x?cache=geheim", "mysql://u:geheim@h/d",
        "postgresql+psycopg2://u:geheim@h/d", "postgresql://u:geh@eim@h/d", "postgresql://h:geheim/d", "geheim://",
        "postgresql://u@h/d?password=geheim", "://geheim", "sqlite://geheim/file",
    ],
)  # fmt: skip
def test_a_wrong_url_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(SuiteError, match=r"^Invalid --store[.:]") as refused:
        Address(text)
    assert "geh" not in str(refused.value).replace("geheim://", "")


def test_a_password_is_shown_nowhere() -> None:
    text = "postgresql://me:ge%40heim@host/claims"
    address = Address(text)
    assert address.url.password == "ge@heim"
    assert str(address) == repr(address) == address.shown == "postgresql+psycopg://me:***@host/claims"
    assert address.clean("no ge@heim, no ge%40heim") == "no ***, no ***"
    assert address.redacted(["--store", text, f"--store={text}", "suite/"]) == [
        "--store", str(address), f"--store={address}", "suite/",
    ]  # fmt: skip
