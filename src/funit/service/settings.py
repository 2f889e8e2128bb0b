"""What a service may use and allows; `funit serve` reads it from its options and a YAML file."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from funit.config import Positive, Section, Settings, merged, read_settings
from funit.errors import UserError
from funit.home import database_url, storage_url

MIB = 1 << 20
SETTINGS = "FUNIT_SERVICE_SETTINGS"  # where a child of the service finds them, as JSON
SOCKET = "FUNIT_SERVICE_SOCKET"  # where a web worker finds the number of the socket that all share
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where several share figures: prometheus_client's name
BACKLOG = 2048  # connections that wait at the socket for a worker


class Limits(Section):
    """What one request, one client and the whole queue may ask for."""

    upload_bytes: Positive = 20 * MIB
    """Of one request with pictures."""

    dataset_bytes: Positive = 4096 * MIB
    """Of one upload of a data set, packed and unpacked, and of a folder that is registered."""

    num_dataset_files: Positive = 250_000
    """Of one upload or folder, whatever they are."""

    model_bytes: Positive = 1024 * MIB
    """Of one upload of a model, and of what is unpacked of it."""

    pixels: Positive = 40_000_000
    """Of one picture, before it is decoded."""

    num_contents: Positive = 64
    """Content images of one request."""

    num_examples: Positive = 32
    """Example images of one request."""

    requests_per_minute: Positive = 600
    """Of one API key, or of one address where no key is given. Each worker counts for itself."""

    idle_seconds: Annotated[float, Field(gt=0)] = 60.0
    """A client that sends nothing for so long in the middle of an upload is given up."""

    key_bytes: Positive = 20 * 1024 * MIB
    """Of all data sets, looks and poses of one API key."""

    num_queued: Positive = 256
    """Translations that wait; with more the answer is 503."""

    seconds: Annotated[float, Field(gt=0)] = 30.0
    """A translation that took longer is given up."""


class GeneratorSettings(Section):
    """How translations are made."""

    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, or `auto`."""

    engine: str = "auto"
    """As of `funit translate`."""

    precision: str = "fp32"
    """As of `funit translate`."""

    batch_size: Positive = 16
    """At most so many translations at once."""

    batch_ms: Annotated[float, Field(gt=0)] = 250.0
    """About so long a batch may take: of a slow model fewer are made at once, as more would only
    wait for each other."""

    wait_ms: Annotated[float, Field(ge=0)] = 2.0
    """How long a batch waits for more while others are under way; nothing waits when idle."""

    model_bytes: Positive = 2048 * MIB
    """Of the models that are kept ready; the least recently used one makes room."""

    num_cached_codes: Annotated[int, Field(ge=0)] = 1024
    """Class codes and content codes that are kept, each."""

    code_bytes: Positive = 256 * MIB
    """Of the class codes and of the content codes that are kept, each."""


class JobSettings(Section):
    """Where trainings run, and how many at once."""

    devices: dict[str, Positive] = {"auto": 1}  # noqa: RUF012 - pydantic copies it
    """Trainings at once on each device, as `{cpu: 1, "cuda:0": 2}`; a job waits for one of them."""

    grace_seconds: Annotated[float, Field(gt=0)] = 60.0
    """A training that is paused, cancelled or stopped may take so long to write its checkpoint."""

    poll_seconds: Annotated[float, Field(gt=0)] = 0.5
    """How often queues, wishes and what trainings write are looked at."""

    keep_days: Annotated[float, Field(gt=0)] = 30
    """What happened to jobs (their events, not the jobs) is kept for so long."""


class ServiceSettings(Section):
    """Everything about a service."""

    database_url: str
    """`sqlite:////PATH`, or `postgresql://USER:PASSWORD@HOST/NAME`."""

    storage_url: str
    """A folder, or a URL as `s3://BUCKET/FOLDER`."""

    default_model: str = "default"
    """A name, NAME@VERSION or NAME@ALIAS; `/readyz` waits for it."""

    data_roots: tuple[Path, ...] = ()
    """Folders under them may be registered as data sets; none: uploads only."""

    keys: Literal["required", "none"] = "required"
    """`none` only where nobody else reaches it: then every request may do everything."""

    hosts: tuple[str, ...] = ()
    """The names that a request may call the service by; none: any. `funit serve` without keys takes
    those of this machine alone, lest a web page reaches it by a name of its own."""

    limits: Limits = Limits()
    generator: GeneratorSettings = GeneratorSettings()
    jobs: JobSettings = JobSettings()


def build_settings(file: Path | None, given: Settings) -> ServiceSettings:
    """What is given, over a YAML or JSON file, over the database and the storage in `home`.

    Raises UserError that names the setting that is wrong.
    """
    embedded = {"database_url": database_url(), "storage_url": storage_url()}
    try:
        return ServiceSettings.model_validate(
            merged(embedded, read_settings(file) if file else {}, given)
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        message = f"{first['msg'][0].lower()}{first['msg'][1:]}"
        raise UserError(
            f"the setting `{name}` of the service is not valid: {message}",
            hint="docs/service.md has the table of them",
        ) from None
