"""What a base URL may be; the one place where that is decided."""

from __future__ import annotations

import pytest

from runner.files.addresses import url_fault


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.example.org/v1",
        "ftp://api.example.org",
        "https://",
        "https://[::1/v1",
        "https://h:0",
        "https://h:99999/v1",
        "https://h/v 1",
        "https://h/é",
        "https://h/v1#x",
        "https://h/v1/chat/completions",
    ],
)
def test_a_bad_base_url_is_refused(base_url: str) -> None:
    assert url_fault(base_url) is not None


def test_a_base_url_with_a_password_is_refused_and_not_shown() -> None:
    fault = url_fault("https://me:hunter2@api.example.org/v1")
    assert fault is not None
    assert "hunter2" not in " ".join(fault)
