"""Errors as answers: one shape, `{"error", "hint"}`, whatever went wrong."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from funit.errors import ConflictError, NotThereError, UserError


class ErrorBody(BaseModel):
    """What is wrong, and what to do about it."""

    error: str
    hint: str = ""


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


class TooLargeError(ServiceError):
    """More bytes, pixels or pictures than allowed."""

    status = 413


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
    return 409 if isinstance(error, ConflictError) else 400


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error models of a route, for OpenAPI."""
    return {status: {"model": ErrorBody} for status in statuses}


def handle_errors(app: FastAPI) -> None:
    """Makes every error of the app an answer of the one shape."""

    @app.exception_handler(UserError)
    async def user_error(_: Request, error: UserError) -> JSONResponse:
        headers = error.headers if isinstance(error, ServiceError) else None
        return _answer(status_of(error), error.message, error.hint, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(word) for word in first["loc"])
        return _answer(422, f"`{where}`: {first['msg']}", "see /docs for what the route takes")

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        hint = "see /docs for the routes" if error.status_code in (404, 405) else ""
        return _answer(error.status_code, str(error.detail), hint, error.headers)


def _answer(status: int, error: str, hint: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"error": error, "hint": hint}, status, headers)
