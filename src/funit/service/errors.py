"""Errors as answers: one shape, `{"error", "hint"}`, whatever went wrong."""

import asyncio
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from funit.errors import ConflictError, LimitError, NotThereError, UserError

log = logging.getLogger(__name__)

UNREACHABLE = (OperationalError, PoolTimeoutError)
"""What SQLAlchemy raises where the database does not answer."""

_DRAINED_BYTES = 16 << 20
_DRAINED_SECONDS = 2.0


class ErrorBody(BaseModel):
    """What is wrong, and what to do about it."""

    error: str
    hint: str = ""


class UnexpectedBody(ErrorBody):
    """A mistake of the service: its log says more under the same request id."""

    request_id: str


class ServiceError(UserError):
    """An error that has a status of its own, and headers if any."""

    status = 400

    def __init__(self, message: str, *, hint: str = "", headers: dict[str, str] | None = None):
        super().__init__(message, hint=hint)
        self.headers = headers or {}


class UnauthenticatedError(ServiceError):
    """No key, or none that is known."""

    status = 401


class ForbiddenError(ServiceError):
    """A key that may not do this."""

    status = 403


class TooIdleError(ServiceError):
    """A client that stopped sending in the middle of a request."""

    status = 408


class TooLargeError(ServiceError):
    """More bytes, pixels or pictures than allowed."""

    status = 413


class NotUsedError(ServiceError):
    """A result whose score is below the threshold that was asked for."""

    status = 422


class TooManyRequestsError(ServiceError):
    """More requests of one key than allowed."""

    status = 429


class BusyError(ServiceError):
    """No room now; `Retry-After` says when."""

    status = 503


class TooSlowError(ServiceError):
    """It took longer than allowed."""

    status = 504


def status_of(error: UserError) -> int:
    """The status that an error answers with."""
    if isinstance(error, ServiceError):
        return error.status
    if isinstance(error, NotThereError):
        return 404
    if isinstance(error, LimitError):
        return 413
    return 409 if isinstance(error, ConflictError) else 400


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error models of a route, for OpenAPI."""
    return {status: {"model": ErrorBody} for status in statuses}


def handle_errors(app: FastAPI) -> None:
    """Makes every error of the app an answer of the one shape."""

    @app.exception_handler(UserError)
    async def user_error(_: Request, error: UserError) -> JSONResponse:
        return answer_of(error)

    @app.exception_handler(OperationalError)
    @app.exception_handler(PoolTimeoutError)
    async def database_error(_: Request, error: Exception) -> JSONResponse:
        return answer_of(unreachable(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(word) for word in first["loc"])
        return _answer(422, f"`{where}`: {first['msg']}", "see /docs for what the route takes")

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        hint = "see /docs for the routes" if error.status_code in (404, 405) else ""
        return _answer(error.status_code, str(error.detail), hint, error.headers)


def unreachable(error: Exception) -> BusyError:
    """What a client is told of a database that does not answer; the log is told the reason."""
    log.error("the database cannot be used: %s", getattr(error, "orig", error))
    return BusyError(
        "the database does not answer", hint="try again later", headers={"Retry-After": "5"}
    )


def answer_of(error: UserError) -> JSONResponse:
    """An error as an answer."""
    headers = error.headers if isinstance(error, ServiceError) else None
    return _answer(status_of(error), error.message, error.hint, headers)


def has_body(scope: Scope) -> bool:
    """Whether a request says that a body follows."""
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


async def refuse(
    error: UserError, scope: Scope, receive: Receive, send: Send, *, is_read: bool = False
) -> None:
    """Answers with an error before the request's body was read, and ends the connection.

    A client that is still sending would lose the answer, were the connection closed at once: so a
    little more of the body is read first, and dropped.
    """
    answer = answer_of(error)
    if is_read or not has_body(scope):
        await answer(scope, receive, send)
        return
    answer.headers["Connection"] = "close"

    async def send_open(message: Message) -> None:
        await send({**message, "more_body": True} if "body" in message else message)

    await answer(scope, receive, send_open)
    if b"expect" not in dict(scope["headers"]):  # else it waits for our word, and sends nothing
        await _drain(receive)
    await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive) -> None:
    size = 0
    try:
        async with asyncio.timeout(_DRAINED_SECONDS):
            while size < _DRAINED_BYTES:
                message = await receive()
                if not message.get("more_body"):  # its end, or the client has gone
                    return
                size += len(message["body"])
    except TimeoutError:
        return


def _answer(status: int, error: str, hint: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"error": error, "hint": hint}, status, headers)
