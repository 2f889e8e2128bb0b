"""API keys: what the one of a request may do. They are made and revoked on the server alone."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from funit.service.auth import SCOPES, Caller, Scope, caller_of

router = APIRouter(prefix="/v1/keys", tags=["keys"])


class OwnKey(BaseModel):
    """Who sent a request, and what they may do."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "ada", "scopes": ["translate", "data"]}]}
    )

    name: str
    """`anyone` where no keys are needed."""
    scopes: list[Scope]
    """`admin` has all of them."""


@router.get("/own", summary="The key of this request")
def show_own_key(caller: Annotated[Caller, Depends(caller_of)]) -> OwnKey:
    """The name of the key that the request was sent with, and what it may do."""
    return OwnKey(name=caller.name, scopes=[scope for scope in SCOPES if caller.may(scope)])
