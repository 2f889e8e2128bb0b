"""What `load_test.py` asks: a `funit serve` of its own, and a client that costs little.

Service and client share the processor's cores. So the bytes of each request are made once, and
connections are kept; a usual client takes a millisecond of the processor for each request.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml

TICKS = os.sysconf("SC_CLK_TCK")  # of `/proc`, a second
SECONDS = 120  # after which no answer is waited for any more
IDLE_SECONDS = 60  # after which a connection is not used again, as with most clients and proxies


@dataclass
class Service:
    """A `funit serve` that runs, with the jobs process, as people start it."""

    process: subprocess.Popen[str]
    url: str
    log: Path
    started: float
    """When its process was, of `time.perf_counter`."""

    @classmethod
    def start(cls, folder: Path, settings: Mapping[str, Any]) -> "Service":
        """Returns as soon as it prints its URL; it cannot answer yet."""
        config, log = folder / "service.yaml", folder / "service.log"
        config.write_text(yaml.safe_dump(dict(settings)))
        started = time.perf_counter()
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "funit", "serve", "--port", "0", "--config", str(config)],
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            sys.exit(log.read_text())
        return cls(process, url, log, started)

    def stop(self) -> None:
        """Returns when it has ended."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    @property
    def worker(self) -> int:
        """The process that answers."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines())
        return next(int(line["child_pid"]) for line in lines if line.get("child") == "web")

    def cpu_seconds(self) -> float:
        """What the process that answers has computed, in all its threads."""
        return cpu_seconds(self.worker)

    def memory(self) -> float:
        """MiB that the process that answers has."""
        pages = int(Path(f"/proc/{self.worker}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_seconds(process_id: int) -> float:
    """Of the processor's time, as a user's and as the system's."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 where nothing did."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    milliseconds: float

    @property
    def retry_after(self) -> int:
        """After how many seconds to ask again; 0 where it does not say."""
        return int(self.headers.get("retry-after", "0"))


class Client:
    """Sends requests that are made already, each over a connection that is free."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._free: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: bytes) -> Answer:
        """The answer; what went wrong with the connection goes to stderr."""
        start = time.perf_counter()
        try:
            async with asyncio.timeout(SECONDS):
                status, headers, content = await self._answer(request)
        except (OSError, EOFError, TimeoutError) as error:
            print(f"lost: {error!r}", file=sys.stderr)
            return Answer(0, {}, b"", 0.0)
        return Answer(status, headers, content, 1000 * (time.perf_counter() - start))

    async def _answer(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        reader, writer = await self._connection()
        writer.write(request)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines if line)
        headers = {name.lower(): value for name, _, value in pairs}
        content = await reader.readexactly(int(headers["content-length"]))
        self._free.append((time.monotonic(), reader, writer))
        return int(first.split()[1]), headers, content

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The one that was used last, or a new one."""
        if self._free:
            since, reader, writer = self._free.pop()
            if time.monotonic() - since < IDLE_SECONDS:
                return reader, writer
            writer.close()
            self.close()  # the others are older
        return await asyncio.open_connection("127.0.0.1", self.port)

    def close(self) -> None:
        """Ends the connections that are free."""
        for _, _, writer in self._free:
            writer.close()
        self._free.clear()


def request_bytes(port: int, path: str, **form: Any) -> bytes:
    """A POST of a form as it goes over the wire; `form` is as of httpx2: `data`, `files`."""
    request = httpx2.Request("POST", f"http://127.0.0.1:{port}{path}", **form)
    content = request.read()
    lines = [f"POST {path} HTTP/1.1", *(f"{k}: {v}" for k, v in request.headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content
