"""What Prometheus reads: how many requests, how long each stage took, what waits.

The metrics belong to one service, not to the module. Where several workers answer, `funit serve`
sets PROMETHEUS_MULTIPROC_DIR: then each worker writes its figures there, and each of them answers a
scrape with the sum of all.
"""

import os
from collections.abc import Iterable
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select

from funit.database.connection import reading
from funit.database.schema import Job
from funit.service.settings import SHARED_FOLDER

Stage = Literal["read", "queue", "model", "encode"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The counters of a service: routes and the image generator add to them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "funit_requests",
            "Requests that were answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.stage_seconds = Histogram(
            "funit_stage_seconds",
            "Time in each stage: read (pictures), queue, model, encode.",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "funit_request_seconds",
            "Time from a request's first byte to the answer's last.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.queue_length = Gauge(
            "funit_queue_length",
            "Translations that wait for the model.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "funit_batch_size",
            "Translations that the model made at once.",
            buckets=_COUNTS,
            registry=self.registry,
        )
        self.cache_lookups = Counter(
            "funit_cache_lookups",
            "Lookups in each cache, by outcome: hit or miss.",
            ["cache", "outcome"],
            registry=self.registry,
        )

    def looked_up(self, cache: str, *, hit: bool) -> None:
        """Counts a lookup in a cache."""
        self.cache_lookups.labels(cache, "hit" if hit else "miss").inc()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request; `route` is the path with its placeholders."""
        known = method if method in _METHODS else "other"  # clients may send any word
        self.requests.labels(known, route, str(status)).inc()
        self.request_seconds.labels(route).observe(seconds)

    def text(self, database: Engine) -> bytes:
        """All of it in Prometheus's format, with the jobs as they are in the database now."""
        if os.environ.get(SHARED_FOLDER):
            workers = CollectorRegistry()
            multiprocess.MultiProcessCollector(workers)
        else:
            workers = self.registry
        now = CollectorRegistry()
        now.register(_Jobs(database))
        return generate_latest(workers) + generate_latest(now)


class _Jobs(Collector):
    """How many jobs there are in each state."""

    def __init__(self, database: Engine) -> None:
        self.database = database

    def collect(self) -> Iterable[Metric]:
        """Asks the database."""
        jobs = GaugeMetricFamily("funit_jobs", "Jobs in each state.", labels=["state"])
        with reading(self.database) as session:
            counts = select(Job.state, func.count()).group_by(Job.state)
            for state, count in session.execute(counts):
                jobs.add_metric([state], count)
        yield jobs

    def describe(self) -> Iterable[Metric]:
        """Nothing: a registry would ask the database already when this is made."""
        return ()
