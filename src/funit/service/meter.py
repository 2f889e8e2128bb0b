"""What the image generator counts, for whoever shows it."""

from typing import Protocol

from prometheus_client import Counter

from funit.service.metrics import Metrics, Stage


class Meter(Protocol):
    """Hears what the image generator does; every call returns at once, from any thread."""

    def took(self, stage: Stage, seconds: float) -> None:
        """A request, or for `model` a batch, was so long in a stage."""

    def batch(self, kind: str, size: int) -> None:
        """A batch was computed: of `examples`, of `contents` or of gallery `poses`."""

    def waiting(self, count: int) -> None:
        """So many translations are admitted and not yet answered."""

    def refused(self) -> None:
        """A request was turned away, as there was no room."""

    def late(self) -> None:
        """A request was given up, as it took too long."""

    def abandoned(self) -> None:
        """A client hung up before its answer."""

    def loaded(self, model: str, seconds: float) -> None:
        """A model was made ready."""

    def dropped(self, model: str) -> None:
        """A model made room for another."""

    def looked_up(self, cache: str, *, hit: bool) -> None:
        """A code was looked for in a cache: of `examples` or of `contents`."""


class NoMeter:
    """A meter that nobody reads."""

    def took(self, stage: Stage, seconds: float) -> None:
        """As `Meter.took`."""

    def batch(self, kind: str, size: int) -> None:
        """As `Meter.batch`."""

    def waiting(self, count: int) -> None:
        """As `Meter.waiting`."""

    def refused(self) -> None:
        """As `Meter.refused`."""

    def late(self) -> None:
        """As `Meter.late`."""

    def abandoned(self) -> None:
        """As `Meter.abandoned`."""

    def loaded(self, model: str, seconds: float) -> None:
        """As `Meter.loaded`."""

    def dropped(self, model: str) -> None:
        """As `Meter.dropped`."""

    def looked_up(self, cache: str, *, hit: bool) -> None:
        """As `Meter.looked_up`."""


class MetricsMeter:
    """A meter whose figures Prometheus reads."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.events = Counter(
            "funit_generator_events",
            "Translations refused, late or abandoned; models loaded or dropped.",
            ["event"],
            registry=metrics.registry,
        )

    def took(self, stage: Stage, seconds: float) -> None:
        """As `Meter.took`."""
        self.metrics.stage_seconds.labels(stage).observe(seconds)

    def batch(self, kind: str, size: int) -> None:
        """As `Meter.batch`; examples are no translations."""
        if kind != "examples":
            self.metrics.batch_size.observe(size)

    def waiting(self, count: int) -> None:
        """As `Meter.waiting`."""
        self.metrics.queue_length.set(count)

    def refused(self) -> None:
        """As `Meter.refused`."""
        self.events.labels("refused").inc()

    def late(self) -> None:
        """As `Meter.late`."""
        self.events.labels("late").inc()

    def abandoned(self) -> None:
        """As `Meter.abandoned`."""
        self.events.labels("abandoned").inc()

    def loaded(self, model: str, seconds: float) -> None:  # noqa: ARG002
        """As `Meter.loaded`."""
        self.events.labels("loaded").inc()

    def dropped(self, model: str) -> None:  # noqa: ARG002
        """As `Meter.dropped`."""
        self.events.labels("dropped").inc()

    def looked_up(self, cache: str, *, hit: bool) -> None:
        """As `Meter.looked_up`."""
        self.metrics.looked_up(cache, hit=hit)
