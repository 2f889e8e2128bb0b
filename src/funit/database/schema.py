"""The tables. Files stand in the storage under their SHA-256; here is what is known about them.

A change here needs a migration: a file in migrations/versions, and HEAD in connection.py.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, MetaData, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Moment(TypeDecorator[datetime]):
    """A time in UTC, with its zone: SQLite forgets it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        """What SQLite gives without a zone is UTC."""
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


class Table(DeclarativeBase):
    """What every table is made of; constraints have names, so that a migration can drop them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        dict[str, Any]: JSON,
        list[Any]: JSON,
        datetime: Moment,
        str: Text,
    }


# ------------------------------------------------------------------- models


class ModelName(Table):
    """A name under which something was published, and the last number that was given there."""

    __tablename__ = "models"

    name: Mapped[str] = mapped_column(primary_key=True)
    last_version: Mapped[int]
    """No number is given twice, also where its version was removed or never came to be."""


class ModelVersion(Table):
    """A published version of a model: it never changes."""

    __tablename__ = "model_versions"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)
    info: Mapped[dict[str, Any]]
    """`ModelInfo`: settings, training, hashes, scores."""
    card: Mapped[str]
    licence: Mapped[str]
    data_fingerprint: Mapped[str | None] = mapped_column(index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    """Bytes of all files."""
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    """The version that its training started from, if that is in this repository."""
    files: Mapped[list["ModelFile"]] = relationship(
        cascade="all, delete-orphan", order_by="ModelFile.path"
    )


class ModelFile(Table):
    """A file of a version."""

    __tablename__ = "model_files"

    version_id: Mapped[int] = mapped_column(
        ForeignKey("model_versions.id", ondelete="CASCADE"), primary_key=True
    )
    path: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(index=True)
    size: Mapped[int] = mapped_column(BigInteger)


class ModelAlias(Table):
    """A second name of a version, as `production`; it can be moved to another one."""

    __tablename__ = "model_aliases"

    name: Mapped[str] = mapped_column(primary_key=True)
    alias: Mapped[str] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))
    """Without a cascade: a version that has an alias cannot be removed."""
    moved_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    version: Mapped[ModelVersion] = relationship()


# --------------------------------------------------------------------- data


class DataSet(Table):
    """Pictures of classes, to train on; each addition makes a version."""

    __tablename__ = "datasets"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    source: Mapped[str | None]
    """The folder on the server that it was registered as; None for uploads."""
    key_id: Mapped[int | None] = mapped_column(ForeignKey("api_keys.id"))
    """Whose quota it counts in."""
    versions: Mapped[list["DataSetVersion"]] = relationship(
        cascade="all, delete-orphan", order_by="DataSetVersion.version"
    )


class DataSetVersion(Table):
    """What a data set was at a time."""

    __tablename__ = "dataset_versions"
    __table_args__ = (UniqueConstraint("dataset_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), index=True
    )
    version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)
    fingerprint: Mapped[str] = mapped_column(index=True)
    num_images: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)
    """Bytes of all images."""
    report: Mapped[dict[str, Any]]
    """What `funit data check` says of it."""


class DataSetImage(Table):
    """An image of a data set, from the version that brought it to the one that dropped it."""

    __tablename__ = "dataset_images"
    __table_args__ = (UniqueConstraint("dataset_id", "part", "cls", "name", "added_in"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), index=True
    )
    part: Mapped[str]
    """`seen` or `unseen`; empty where the data are not divided."""
    cls: Mapped[str]
    name: Mapped[str]
    """The file name: the same one in two classes is the same pose."""
    sha256: Mapped[str] = mapped_column(index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    crc: Mapped[int] = mapped_column(BigInteger)
    """As in a zip: the fingerprint of a version is that of a zip with its images."""
    width: Mapped[int]
    height: Mapped[int]
    added_in: Mapped[int]
    removed_in: Mapped[int | None]


# --------------------------------------------------------------------- jobs


ENDED_STATES = frozenset({"published", "failed", "cancelled"})  # of jobs: nothing happens any more


class Job(Table):
    """A training that was asked for: train, evaluate, and publish what is good enough."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Its durable workflows are ID.TURN."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    changed_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    state: Mapped[str] = mapped_column(index=True)
    """queued, running, evaluating, publishing, paused; at last published, failed or cancelled."""
    wanted: Mapped[str | None]
    """What a person asked of it last: `pause`, `cancel`; None: to run."""
    priority: Mapped[int] = mapped_column(default=0)
    """A higher one is begun sooner."""
    device: Mapped[str] = mapped_column(default="auto")
    """Whose queue it waits in."""
    turn: Mapped[int] = mapped_column(default=1)
    """How often it was put into the queue: each time is a durable workflow of its own."""
    request: Mapped[dict[str, Any]]
    """As it was asked for, with every default."""
    progress: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Candidate, images seen, images wanted, minutes, newest losses and scores."""
    report: Mapped[dict[str, Any] | None]
    """Of the newest evaluation, and what the minimum was held against."""
    alerts: Mapped[list[Any]] = mapped_column(default=list)
    model: Mapped[str | None]
    """NAME@VERSION, once it is published."""
    error: Mapped[str | None]
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("schedules.id"))
    key_id: Mapped[int | None] = mapped_column(ForeignKey("api_keys.id"))


class JobEvent(Table):
    """Something that happened to a job, in order."""

    __tablename__ = "job_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(default=now)
    kind: Mapped[str]
    """state, alert, evaluation, restart, ..."""
    data: Mapped[dict[str, Any]]


class Schedule(Table):
    """When a data set is trained on again: after a time, or after so many new images."""

    __tablename__ = "schedules"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    request: Mapped[dict[str, Any]]
    """Of the job that it makes."""
    every_hours: Mapped[float | None]
    new_images: Mapped[int | None]
    last_run_at: Mapped[datetime | None]
    last_version: Mapped[int | None]
    """Of the data set, that the last job trained on."""
    enabled: Mapped[bool] = mapped_column(default=True)
    """False while it is paused."""
    error: Mapped[str | None]
    """Why it made no job when it was last due."""


# ------------------------------------------------------------- image generator


class SavedLook(Table):
    """A look that was kept: the looks of its single examples, so that others can be added."""

    __tablename__ = "looks"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    model: Mapped[str]
    """NAME@VERSION of the model that made it."""
    weights_sha256: Mapped[str] = mapped_column(index=True)
    """Of that model: no other one can draw it."""
    num_examples: Mapped[int]
    shares: Mapped[list[Any]]
    """What each example counts."""
    sha256: Mapped[str]
    """Of the safetensors file in the storage."""
    size: Mapped[int] = mapped_column(BigInteger)
    """Bytes of that file."""
    thumbnail_sha256: Mapped[str | None]
    key_id: Mapped[int | None] = mapped_column(ForeignKey("api_keys.id"))


class Pose(Table):
    """A picture whose pose can be asked for by its id."""

    __tablename__ = "poses"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    sha256: Mapped[str]
    """Of the picture, encoded anew, in the storage."""
    size: Mapped[int] = mapped_column(BigInteger)
    """Bytes of that file."""
    width: Mapped[int]
    height: Mapped[int]
    key_id: Mapped[int | None] = mapped_column(ForeignKey("api_keys.id"))


# ------------------------------------------------------------------ storage


class ReservedContent(Table):
    """Content that a process is about to store and to name: nobody removes it meanwhile."""

    __tablename__ = "reserved_contents"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    """What is stored together."""
    sha256: Mapped[str] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(default=now)


# --------------------------------------------------------------------- keys


class ApiKey(Table):
    """Who may use the service, and for what. The key itself is not kept."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    """Of the key, which is 256 random bits: there is nothing to guess that salt would slow."""
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    revoked_at: Mapped[datetime | None]
