"""The web worker with routes of the tests: one takes its time, one reads a body, one breaks."""

import asyncio

from fastapi import APIRouter, Request

from funit.service import app, worker

router = APIRouter(include_in_schema=False)


@router.get("/slow")
async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@router.post("/size")
async def size(request: Request) -> int:
    return len(await request.body())


if __name__ == "__main__":
    app.ROUTERS = (*app.ROUTERS, router)
    worker.main()
