"""API keys: who may do what."""

import hashlib
import re
import secrets
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from sqlalchemy import Engine, select

from funit.database.connection import reading, writing
from funit.database.schema import ApiKey, now
from funit.errors import ConflictError, NotThereError, UserError
from funit.service.errors import ForbiddenError, UnauthenticatedError

Scope = Literal["translate", "data", "train", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "funit_"
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")  # it stands in logs


@dataclass(frozen=True)
class Caller:
    """Who sent a request."""

    key_id: int | None
    """None where no keys are needed."""
    name: str
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        """Whether this is allowed; `admin` may do everything."""
        return scope in self.scopes or "admin" in self.scopes


ANYONE = Caller(None, "anyone", frozenset(SCOPES))
_bearer = HTTPBearer(auto_error=False, description="An API key, made by `funit keys create`.")


def create_key(database: Engine, name: str, scopes: Iterable[str]) -> str:
    """Makes a key and gives it, for the only time: its hash alone is kept."""
    wanted = list(dict.fromkeys(scopes))
    if unknown := [scope for scope in wanted if scope not in SCOPES]:
        raise UserError(f"there is no scope `{unknown[0]}`", hint=f"there are {', '.join(SCOPES)}")
    if not _NAME.fullmatch(name):
        raise UserError(
            f"`{name}` cannot be the name of a key",
            hint="use up to 64 letters, digits, `-`, `_`, `.` and `@`",
        )
    key = PREFIX + secrets.token_urlsafe(32)
    with writing(database) as session:
        if session.scalar(select(ApiKey).where(ApiKey.name == name)):
            raise ConflictError(f"there is a key `{name}`", hint="give another name")
        session.add(ApiKey(name=name, sha256=_hash(key), scopes=wanted))
    return key


def find_caller(database: Engine, key: str) -> Caller:
    """Whose key this is; raises UnauthenticatedError where it is nobody's."""
    with reading(database) as session:
        found = session.scalar(select(ApiKey).where(ApiKey.sha256 == _hash(key)))
    if found is None or found.revoked_at is not None:
        raise UnauthenticatedError(
            "this API key is not known",
            hint="`funit keys create` makes one",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return Caller(found.id, found.name, frozenset(found.scopes))


def has_keys(database: Engine) -> bool:
    """Whether there is a key that is not revoked."""
    with reading(database) as session:
        return session.scalar(select(ApiKey.id).where(ApiKey.revoked_at.is_(None))) is not None


def list_keys(database: Engine) -> list[ApiKey]:
    """All keys that were made, by name; the revoked ones too."""
    with reading(database) as session:
        return list(session.scalars(select(ApiKey).order_by(ApiKey.name)))


def revoke_key(database: Engine, name: str) -> None:
    """Makes a key useless from the next request on; raises NotThereError where there is none."""
    with writing(database) as session:
        found = session.scalar(select(ApiKey).where(ApiKey.name == name))
        if found is None:
            raise NotThereError(f"there is no key `{name}`", hint="`funit keys list` shows them")
        found.revoked_at = found.revoked_at or now()


def identify(database: Engine, authorization: str | None) -> Caller:
    """Who sends this header; raises UnauthenticatedError where it names nobody."""
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise UnauthenticatedError(
            "no API key is given",
            hint="send `Authorization: Bearer KEY`; `funit keys create` makes one",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return find_caller(database, key.strip())


async def caller_of(request: Request, _: Annotated[object, Security(_bearer)]) -> Caller:
    """Who sent this request; the `Gate` has found out."""
    found: Caller | UserError = request.state.caller
    if isinstance(found, UserError):
        raise found
    return found


def allowed(scope: Scope) -> Callable[[Caller], Coroutine[Any, Any, Caller]]:
    """A dependency: the caller, who may do this."""

    async def check(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
        if not caller.may(scope):
            raise ForbiddenError(
                f"the key `{caller.name}` may not do this: it has no scope `{scope}`",
                hint=f"`funit keys create --scope {scope}` makes one that may",
            )
        return caller

    return check


Translates = Annotated[Caller, Depends(allowed("translate"))]
ManagesData = Annotated[Caller, Depends(allowed("data"))]
Trains = Annotated[Caller, Depends(allowed("train"))]
Administers = Annotated[Caller, Depends(allowed("admin"))]


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
