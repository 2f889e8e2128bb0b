"""What every request passes on its way to a route, from the outside to the inside.

    Requests    an id, a line in the log, figures, headers; no error leaves without a shape
    Gate        who is it, by which name does it call us, and how often
    BodyLimit   no more bytes than allowed, none at all that come too late

They are plain ASGI: nothing of a body is kept, and streams pass as they come.
"""

import asyncio
import hashlib
import logging
import re
import secrets
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from funit.errors import LimitError, UserError
from funit.service.auth import ANYONE, Caller, identify
from funit.service.errors import (
    UNREACHABLE,
    ForbiddenError,
    ServiceError,
    TooIdleError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnexpectedBody,
    has_body,
    refuse,
    unreachable,
)
from funit.service.logs import request_id
from funit.service.rates import Rates
from funit.service.services import Services
from funit.service.settings import MIB, Limits

log = logging.getLogger("funit.requests")

ID_HEADER = "X-Request-ID"
DATASETS = "/v1/datasets"  # where `limits.dataset_bytes` holds
MODELS = "/v1/models"  # where `limits.model_bytes` does
PROBES = frozenset({"/healthz", "/readyz"})  # asked by machines, as often as they like
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_GONE = 499  # as nginx calls it: the client did not wait for the answer

# The web page computes in wasm on several threads: that needs the first two of the policies, and
# workers, pictures and frames that it made itself (`blob:`).
SECURITY_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
    "worker-src 'self' blob:; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self' blob:; frame-src blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Requests:
    """Gives each request an id, its answer the security headers, and the log a line."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app, self.metrics = app, services.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, and says so in the log."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(ID_HEADER, "")
        token = request_id.set(given if _SANE_ID.fullmatch(given) else secrets.token_hex(8))
        traffic = _Traffic(receive, send)
        start = time.perf_counter()
        try:
            await self.app(scope, traffic.receive, traffic.send)
        except Exception:
            log.exception("unexpected error")
            if traffic.status != _GONE:  # the answer is under way: breaking it off is all we can
                raise
            await _unexpected()(scope, traffic.receive, traffic.send)
        finally:
            self._note(scope, traffic, time.perf_counter() - start)
            request_id.reset(token)

    def _note(self, scope: Scope, traffic: "_Traffic", seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        caller = scope["state"].get("caller") if "state" in scope else None
        self.metrics.answered(scope["method"], route, traffic.status, seconds)
        fields = {
            "method": scope["method"],
            "path": scope["path"][:200],
            "route": route,
            "status": traffic.status,
            "ms": round(seconds * 1000, 2),
            "key": caller.name if isinstance(caller, Caller) else None,
            "bytes": traffic.sent,
            "received": traffic.received,
        }
        log.info("request", extra={"fields": fields})


class _Traffic:
    """Counts the bytes of a request and of its answer, and adds the headers."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self.status, self.sent, self.received = _GONE, 0, 0

    async def receive(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[ID_HEADER] = request_id.get()
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        self.sent += len(message.get("body", b""))
        await self._send(message)


class Gate:
    """Finds out who calls and refuses who calls too often, or from the page of a stranger."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app, self.services = app, services
        self.rates = Rates(services.settings.limits.requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request in, or refuses it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_host(headers)
            self._check_origin(scope["method"], headers)
            caller = await self._caller(headers)
            scope.setdefault("state", {})["caller"] = caller
            if scope["path"] not in PROBES:
                self._check_rate(caller, scope)
            if isinstance(caller, UserError) and has_body(scope):
                raise caller  # no stranger's bytes are read: no route takes them
        except UserError as error:
            await refuse(error, scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        names = self.services.settings.hosts
        name = urlsplit(f"//{headers.get('host', '')}").hostname
        if names and name not in names:
            raise ForbiddenError(
                f"this service is not called `{name or ''}`",
                hint=f"its names are {', '.join(names)}; the setting `hosts` has them",
            )

    def _check_origin(self, method: str, headers: Headers) -> None:
        """Where no keys are needed, a page of another site could act in its visitor's name."""
        origin = headers.get("origin")
        if self.services.settings.keys == "required" or method in _SAFE_METHODS or origin is None:
            return
        if urlsplit(origin).netloc != headers.get("host"):
            raise ForbiddenError(
                f"a page of `{origin}` may not do this",
                hint="without API keys only the service's own pages may",
            )

    async def _caller(self, headers: Headers) -> Caller | UnauthenticatedError:
        if self.services.settings.keys == "none":
            return ANYONE
        sent = headers.get("authorization", "")
        key = "caller", hashlib.sha256(sent.encode()).digest()
        try:
            return await self.services.lookups.find(
                key, lambda: identify(self.services.database, sent)
            )
        except UnauthenticatedError as error:
            return error
        except UNREACHABLE as error:
            raise unreachable(error) from None

    def _check_rate(self, caller: Caller | UserError, scope: Scope) -> None:
        if isinstance(caller, Caller) and caller.key_id is not None:
            subject = f"the key `{caller.name}`"
        else:
            subject = f"the address `{(scope.get('client') or ('unknown',))[0]}`"
        wait = self.rates.take(subject)
        if wait > 0:
            raise TooManyRequestsError(
                f"{subject} has more than {self.rates.per_minute} requests a minute",
                hint=f"try again in {wait} seconds",
                headers={"Retry-After": str(wait)},
            )


class BodyLimit:
    """Breaks a request off as soon as it has more bytes than its route takes."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app, self.limits = app, services.settings.limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on with its body counted."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = _limit_of(scope, self.limits)
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal():
            wrong = ServiceError("`Content-Length` is no number", hint="send how many bytes follow")
            await refuse(wrong, scope, receive, send)
            return
        if int(length) > limit:
            await refuse(_too_large(limit), scope, receive, send)
            return
        body = _Body(limit, self.limits.idle_seconds, receive, send)
        try:
            await self.app(scope, body.receive, body.send)
        except Exception:
            if body.refusal is None:
                raise
        if body.refusal is not None and not body.is_answered:
            await refuse(body.refusal, scope, receive, send, is_read=body.is_whole)


class _Body:
    """A request's body, counted as it comes."""

    def __init__(self, limit: int, idle_seconds: float, receive: Receive, send: Send) -> None:
        self.limit, self.idle_seconds = limit, idle_seconds
        self._receive, self._send = receive, send
        self.size = 0
        self.is_whole = self.is_answered = False
        self.refusal: UserError | None = None

    async def receive(self) -> Message:
        if self.is_whole:  # what comes now is the client's going, and that may take its time
            return await self._receive()
        try:
            async with asyncio.timeout(self.idle_seconds):
                message = await self._receive()
        except TimeoutError:
            self.refusal = TooIdleError(
                f"nothing came for {self.idle_seconds:g} seconds", hint="send it again"
            )
            raise self.refusal from None
        self.is_whole = not message.get("more_body", False)
        self.size += len(message.get("body", b""))
        if self.size > self.limit:
            self.refusal = _too_large(self.limit)
            raise self.refusal
        return message

    async def send(self, message: Message) -> None:
        if self.refusal is not None and not self.is_answered:
            return  # what the route makes of half a body is not the answer
        self.is_answered = True
        await self._send(message)


def _limit_of(scope: Scope, limits: Limits) -> int:
    caller = scope["state"]["caller"]
    if not isinstance(caller, Caller):
        return limits.upload_bytes
    if f"{scope['path']}/".startswith(f"{DATASETS}/") and caller.may("data"):
        return limits.dataset_bytes
    if scope["path"].startswith(f"{MODELS}/") and caller.may("admin"):
        return limits.model_bytes
    return limits.upload_bytes


def _too_large(limit: int) -> LimitError:
    return LimitError(
        f"the request has more than {limit / MIB:g} MiB", hint="send less in one request"
    )


def _unexpected() -> JSONResponse:
    body = UnexpectedBody(
        error="the service made a mistake",
        hint="its log says more under this request id",
        request_id=request_id.get(),
    )
    return JSONResponse(body.model_dump(), 500)
