"""Whether the service lives, and whether it can answer."""

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from funit.database.connection import reading
from funit.errors import UserError
from funit.service.errors import BusyError, responses
from funit.service.services import ServicesOf

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """That the process answers."""

    status: str = "ok"


class Readiness(BaseModel):
    """That translations can be asked for."""

    status: str = "ready"
    model: str
    """The default model."""


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> Health:
    """Answers while the process lives."""
    return Health()


@router.get("/readyz", summary="Whether the default model can answer", responses=responses(503))
def readyz(services: ServicesOf) -> Readiness:
    """Answers with 200 only while the default model can answer, otherwise with 503."""
    model = services.settings.default_model
    with reading(services.database) as session:
        session.execute(text("SELECT 1"))
    try:
        is_ready = services.generator.ready()
    except UserError as error:
        raise BusyError(error.message, hint=error.hint) from None
    if not is_ready:
        raise BusyError(
            f"the model `{model}` is not ready", hint="try again", headers={"Retry-After": "1"}
        )
    return Readiness(model=model)
