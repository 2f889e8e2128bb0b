"""Whether the service lives, and whether it can answer."""

from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """That the process answers."""

    status: str = "ok"


@router.get("/healthz")
def healthz() -> Health:
    """Answers while the process lives."""
    return Health()
