"""The web worker with routes of the tests: one is slow, one has no end, one reads a body."""

import asyncio
import logging
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from funit.service import app, worker
from funit.service.services import ServicesOf

log = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)


@router.get("/slow")
async def slow(seconds: float) -> str:
    log.info("under way")
    await asyncio.sleep(seconds)
    return "done"


@router.get("/events")
async def events(services: ServicesOf) -> StreamingResponse:
    async def until_it_stops() -> AsyncIterator[str]:
        log.info("under way")
        while not services.stopping.is_set():
            yield "on\n"
            await asyncio.sleep(0.1)
        yield "over\n"

    return StreamingResponse(until_it_stops())


@router.post("/size")
async def size(request: Request) -> int:
    return len(await request.body())


if __name__ == "__main__":
    app.ROUTERS = (*app.ROUTERS, router)
    worker.main()
