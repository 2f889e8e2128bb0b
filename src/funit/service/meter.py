"""What the image generator counts."""

from prometheus_client import Counter

from funit.service.metrics import Metrics, Stage


class Meter:
    """Hears what the image generator does, from any thread, and counts it for Prometheus."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.events = Counter(
            "funit_generator_events",
            "Translations refused, late or abandoned; models loaded or dropped.",
            ["event"],
            registry=metrics.registry,
        )

    def took(self, stage: Stage, seconds: float) -> None:
        """A request, or for `model` a batch, was so long in a stage."""
        self.metrics.stage_seconds.labels(stage).observe(seconds)

    def batch(self, kind: str, size: int) -> None:
        """A batch was computed: of `contents`, of `poses`, or of `examples`: no translations."""
        if kind != "examples":
            self.metrics.batch_size.observe(size)

    def waiting(self, count: int) -> None:
        """So many translations are admitted and not yet answered."""
        self.metrics.queue_length.set(count)

    def refused(self) -> None:
        """A request was turned away, as there was no room."""
        self.events.labels("refused").inc()

    def late(self) -> None:
        """A request was given up, as it took too long."""
        self.events.labels("late").inc()

    def abandoned(self) -> None:
        """A client hung up before its answer."""
        self.events.labels("abandoned").inc()

    def loaded(self, model: str, seconds: float) -> None:  # noqa: ARG002
        """A model was made ready."""
        self.events.labels("loaded").inc()

    def dropped(self, model: str) -> None:  # noqa: ARG002
        """A model made room for another."""
        self.events.labels("dropped").inc()

    def looked_up(self, cache: str, *, hit: bool) -> None:
        """A code was looked for in a cache: of `examples` or of `contents`."""
        self.metrics.looked_up(cache, hit=hit)
