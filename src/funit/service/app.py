"""The app: routes over the services that it is given. Nothing is made at import."""

from fastapi import FastAPI

from funit import __version__
from funit.service.errors import handle_errors
from funit.service.routes import health
from funit.service.services import Services

ROUTERS = (health.router,)


def create_app(services: Services) -> FastAPI:
    """The service as an ASGI app."""
    app = FastAPI(
        title="funit",
        version=__version__,
        description="Few-shot image translation: one picture's pose in the look of a class that "
        "one to five examples show.",
        redoc_url=None,
    )
    app.state.services = services
    handle_errors(app)
    for router in ROUTERS:
        app.include_router(router)
    return app
