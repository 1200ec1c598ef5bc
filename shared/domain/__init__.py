"""The rules, as pure functions over frozen values: no clock, no random state, no Redis."""
