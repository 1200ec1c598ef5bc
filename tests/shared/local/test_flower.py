"""Flower beside the local stack."""

from __future__ import annotations

from shared.local.flower import flower_login, require_flower


def test_flower_asks_for_what_is_set_or_for_a_password_that_was_made_up() -> None:
    assert flower_login({"FLOWER_BASIC_AUTH": "me:mine"}) == "me:mine"
    assert len(flower_login({}).partition(":")[2]) >= 12
    require_flower({"FLOWER_PORT": "0"})
