"""Figures for Prometheus."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from funit.service.auth import Administers
from funit.service.services import ServicesOf

router = APIRouter(tags=["health"])


@router.get("/metrics", summary="Figures in Prometheus's format", response_class=PlainTextResponse)
def metrics(services: ServicesOf, _: Administers) -> Response:
    """Latency by stage, queue, batches, cache lookups, requests, and jobs by state."""
    return Response(services.metrics.text(services.database), media_type=CONTENT_TYPE_LATEST)
