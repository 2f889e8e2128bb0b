"""How long a request is worked on: until its time is over, or its client has hung up."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from funit.service.errors import ServiceError, TooSlowError
from funit.service.meter import Meter

T = TypeVar("T")
POLL_SECONDS = 0.25


class ClientGoneError(ServiceError):
    """The client hung up; nobody hears this answer."""

    status = 499


async def patiently(
    work: Coroutine[Any, Any, T], request: Request, seconds: float, meter: Meter
) -> T:
    """What the work gives; when it comes too late or for nobody, it is cancelled and this raises.

    TooSlowError after `seconds`, ClientGoneError when the client has hung up.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_gone(request))
    try:
        both = {working, watching}
        await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        if watching.done():
            meter.abandoned()
            raise ClientGoneError("the client hung up")
        meter.late()
        raise TooSlowError(
            f"it took longer than {seconds:g} seconds",
            hint="ask for fewer pictures at once, or later",
        )
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _gone(request: Request) -> None:
    """Ends when the client has hung up."""
    while True:
        await asyncio.sleep(POLL_SECONDS)
        if await request.is_disconnected():
            return
