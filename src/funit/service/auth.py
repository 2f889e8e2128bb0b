"""API keys: who may do what."""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Engine, select

from funit.database.connection import reading, writing
from funit.database.schema import ApiKey
from funit.errors import ConflictError, UserError
from funit.service.errors import ForbiddenError, UnauthenticatedError
from funit.service.services import ServicesOf

Scope = Literal["translate", "data", "train", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "funit_"


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


def caller_of(
    services: ServicesOf,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Caller:
    """Who sent this request."""
    if services.settings.keys == "none":
        return ANYONE
    if given is None:
        raise UnauthenticatedError(
            "no API key is given",
            hint="send `Authorization: Bearer KEY`; `funit keys create` makes one",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return find_caller(services.database, given.credentials)


def allowed(scope: Scope) -> Callable[[Caller], Caller]:
    """A dependency: the caller, who may do this."""

    def check(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
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
