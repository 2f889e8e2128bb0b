"""What the routes use: the database, the storage, the models, and who does the work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine

from funit.database.changes import Changes
from funit.database.connection import open_database
from funit.repository import ModelRepository
from funit.service.generator import ImageGenerator
from funit.service.lookups import Lookups
from funit.service.meter import Meter
from funit.service.metrics import Metrics
from funit.service.settings import ServiceSettings
from funit.storage import Storage


@dataclass(frozen=True)
class Services:
    """Everything that a route may need; made before the app, so that a test passes its own."""

    settings: ServiceSettings
    database: Engine
    storage: Storage
    models: ModelRepository
    generator: ImageGenerator
    lookups: Lookups
    """Callers and looks, as the database has them."""
    metrics: Metrics = field(default_factory=Metrics)
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the service is told to stop: an answer without an end (events) ends then."""


@contextmanager
def open_services(settings: ServiceSettings) -> Iterator[Services]:
    """Opens what the settings name, and closes it at the end."""
    database = open_database(settings.database_url)
    try:
        storage, metrics = Storage(settings.storage_url), Metrics()
        models, changes = ModelRepository(database, storage), Changes(database)
        asked = settings.generator
        generator = ImageGenerator(
            asked, settings.limits, models, settings.default_model, Meter(metrics), changes
        )
        lookups = Lookups(changes, asked.num_cached_codes, asked.code_bytes)
        try:
            yield Services(settings, database, storage, models, generator, lookups, metrics)
        finally:
            generator.close()
            changes.close()
    finally:
        database.dispose()


async def _services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(_services_of)]
