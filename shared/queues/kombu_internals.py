"""The private names of Kombu's Redis transport that we rely on: no other module of ours uses one.

Kombu has no public place to stop a message before it is delivered. A test names each method that is overridden here,
and fails when a release of Kombu moves one.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis


class OpenChannel(redis.Channel):
    """A channel whose two ways to read can be overridden."""

    def read_queue(self, **options: Any) -> Any:
        """Read the answer with the next message of a queue, and deliver it. Return whether there was one."""
        return super()._brpop_read(**options)  # type: ignore[no-untyped-call]

    def read_broadcast(self, connection: Any) -> Any:
        """Read the next message of Celery's own channels, and deliver it. Return whether there was one."""
        return super()._receive_one(connection)  # type: ignore[no-untyped-call]

    def _brpop_read(self, **options: Any) -> Any:
        return self.read_queue(**options)

    def _receive_one(self, connection: Any) -> Any:
        return self.read_broadcast(connection)


class OpenTransport(redis.Transport):
    """A transport whose delivery can be overridden."""

    Channel = OpenChannel

    def deliver(self, message: Any, queue: str) -> None:
        """Hand a message that was read from `queue` to its consumer."""
        super()._deliver(message, queue)  # type: ignore[no-untyped-call]

    def _deliver(self, message: Any, queue: str) -> None:
        self.deliver(message, queue)
