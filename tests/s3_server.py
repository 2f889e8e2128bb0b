"""An S3 server of the tests' own: moto's, as a process; it keeps everything in memory."""

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError

PACKAGES = ("s3fs", "moto", "flask", "flask_cors")
BUCKET = "bucket"
ENVIRONMENT = {  # for whoever talks to it; it asks nobody for more
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def is_installed() -> bool:
    """Whether there is all that the server and its clients need."""
    return all(importlib.util.find_spec(name) is not None for name in PACKAGES)


@contextmanager
def running_server() -> Iterator[str]:
    """The address of a server with an empty bucket; it lives as long as the context."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _make_bucket(f"{url}/{BUCKET}")
        yield url
    finally:
        server.terminate()
        server.wait(30)


def _make_bucket(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=10).close()
            return
        except URLError:
            assert time.monotonic() < deadline, "the S3 server did not start"
            time.sleep(0.1)
