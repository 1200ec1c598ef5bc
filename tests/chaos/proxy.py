"""A bad network: a proxy on a unix socket between workers and the server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHUNK = 65536
LOOK_SECONDS = 0.02


@dataclass
class _Link:
    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    dead: bool = False  # half open: neither end notices, and no more bytes arrive


class Proxy:
    """Forwards bytes; `blackhole` stops all, `delay` (seconds) is added to each chunk, `cut_after` bytes end a link."""

    def __init__(self, listen: Path, server: Path) -> None:
        self._listen, self._server = listen, server
        self.blackhole = False
        self.delay = 0.0
        self.cut_after: int | None = None
        self._links: list[_Link] = []
        self._door: asyncio.AbstractServer | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        """The URL of the store for a worker behind the proxy."""
        return f"unix://{self._listen}?db=0"

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._door = self._do(asyncio.start_unix_server(self._serve, path=str(self._listen)))
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def reset(self) -> int:
        """Close all links now; return how many there were."""
        broken: int = self._do(self._reset())
        return broken

    def half_open(self) -> int:
        """Stop all bytes on the existing links without closing them; new links work."""
        for link in self._links:
            link.dead = True
        return len(self._links)

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=20)

    async def _end(self) -> None:
        assert self._door is not None
        self._door.close()
        await self._reset()
        mine = asyncio.current_task()
        while pending := [task for task in asyncio.all_tasks() if task is not mine]:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _reset(self) -> int:
        links, self._links = self._links, []
        for link in links:
            link.near.transport.abort()
            link.far.transport.abort()
        await asyncio.sleep(0)
        return len(links)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(str(self._server))
        except OSError:
            return writer.transport.abort()
        link = _Link(writer, far_writer)
        self._links.append(link)
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer, link, replies=False)),
            asyncio.create_task(self._pump(far_reader, writer, link, replies=True)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        writer.transport.abort()
        far_writer.transport.abort()
        if link in self._links:
            self._links.remove(link)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link, *, replies: bool
    ) -> None:
        passed = 0
        try:
            while chunk := await reader.read(CHUNK):
                await asyncio.sleep(self.delay)
                while self.blackhole or link.dead:
                    await asyncio.sleep(LOOK_SECONDS)
                passed += len(chunk)
                if replies and self.cut_after is not None and passed > self.cut_after:
                    writer.write(chunk[: len(chunk) // 2])
                    return
                writer.write(chunk)
                await writer.drain()
        except OSError:
            return
