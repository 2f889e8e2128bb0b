"""The app: routes over the services that it is given. Nothing is made at import."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from funit import __version__
from funit.service.errors import handle_errors
from funit.service.middleware import BodyLimit, Gate, Requests
from funit.service.openapi import complete
from funit.service.routes import (
    classifications,
    datasets,
    docs,
    galleries,
    health,
    jobs,
    keys,
    looks,
    metrics,
    models,
    page,
    poses,
    schedules,
    translations,
)
from funit.service.services import Services

ROUTERS = (
    health.router,
    keys.router,
    metrics.router,
    docs.router,
    page.router,
    translations.router,
    looks.router,
    poses.router,
    galleries.router,
    datasets.router,
    classifications.router,
    models.router,
    jobs.router,
    schedules.router,
)


class ServiceApp(FastAPI):
    """FastAPI, with a description of itself that leaves nothing out."""

    def openapi(self) -> dict[str, Any]:
        """The description, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi())
        return self.openapi_schema


def create_app(services: Services) -> FastAPI:
    """The service as an ASGI app."""
    app = ServiceApp(
        title="funit",
        version=__version__,
        description="Few-shot image translation: one picture's pose in the look of a class that "
        "one to five examples show.",
        docs_url=None,  # FastAPI's page loads from elsewhere; routes/docs.py has ours
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    app.state.services = services
    handle_errors(app)
    for layer in (BodyLimit, Gate, Requests):  # the last one is the outermost
        app.add_middleware(layer, services=services)
    for router in ROUTERS:
        app.include_router(router)
    return app


def _operation_id(route: APIRoute) -> str:
    """The name of the route's function: programs that are made from the description use it."""
    return route.name
