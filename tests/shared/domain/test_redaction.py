"""What is masked in source text; single values are tested where they are met."""

from __future__ import annotations

import pytest

from shared.domain.redaction import MASK, redacted_source


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('api_key = "hunter2hunter2"', f"api_key = {MASK}"),
        ("+  password: 'not to be seen'", f"+  password: {MASK}"),
        ("+WANDB_API_KEY=0123456789abcdef0123", f"+WANDB_API_KEY={MASK}"),
        ('{"token": "0123456789"}', f'{{"token": {MASK}}}'),
        ("redis://:secret@host:6379/0", f"redis://{MASK}@host:6379/0"),
        ("a\n-----BEGIN PRIVATE KEY-----\nMIIE\nabc\n-----END PRIVATE KEY-----\nb", f"a\n{MASK}\nb"),
        ("a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE (cut", f"a\n{MASK}"),
    ],
)
def test_a_secret_in_a_source_is_masked(text: str, shown: str) -> None:
    assert redacted_source(text) == shown


@pytest.mark.parametrize("text", ["for key in keys:", "rate = 0.1", "sorted(x, key=len)", "tokens = tokens[1:]"])
def test_other_source_stays_as_it_is(text: str) -> None:
    assert redacted_source(text) == text
