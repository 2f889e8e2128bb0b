"""The models: what there is, what each is, and, for administrators, what changes."""

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from fastapi import Path as InPath
from fastapi.responses import FileResponse, PlainTextResponse
from pydantic import BaseModel
from starlette.background import BackgroundTask

from funit.config import Positive
from funit.errors import LimitError, NotThereError
from funit.repository import FileEntry, ModelEntry
from funit.service.auth import Administers, Translates
from funit.service.errors import responses
from funit.service.services import ServicesOf

router = APIRouter(prefix="/v1/models", tags=["models"])

Name = Annotated[
    str, InPath(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", examples=["default"], description="A model")
]
Version = Annotated[
    str,
    InPath(
        pattern=r"^([0-9]{1,9}|[a-z][a-z0-9._-]{0,63})$",
        examples=["1", "latest", "production"],
        description="A number, or an alias",
    ),
]
Alias = Annotated[str, InPath(pattern=r"^[a-z][a-z0-9._-]{0,63}$", examples=["production"])]


class VersionSummary(BaseModel):
    """A version of a model, in a list."""

    name: str
    version: int
    aliases: Sequence[str]
    image_size: int
    num_classes: int
    images: int
    """Content images seen in training."""
    size: int
    """Bytes of all files."""
    licence: str
    created_at: datetime | None
    """None: it is inside the package."""
    parent: str | None
    """NAME@VERSION of what its training started from."""


class Models(BaseModel):
    """All versions of all models."""

    models: Sequence[VersionSummary]


class VersionDetails(VersionSummary):
    """All that is known of a version."""

    config: dict[str, Any]
    training: dict[str, Any]
    scores: Sequence[dict[str, Any]]
    weights_sha256: str
    data_fingerprint: str | None
    made_by: str
    files: Sequence[FileEntry]


class AliasTarget(BaseModel):
    """The version that an alias is to name."""

    version: Positive

    model_config = {"json_schema_extra": {"examples": [{"version": 3}]}}


@router.get("", summary="List the models", responses=responses(401, 403))
def list_models(services: ServicesOf, _: Translates) -> Models:
    """All versions of all models, those inside the package included."""
    return Models(models=[_summary(entry) for entry in _entries(services, None)])


@router.post(
    "/{name}/versions",
    status_code=201,
    summary="Import a model",
    responses=responses(400, 401, 403, 413, 422),
)
def import_version(
    services: ServicesOf,
    _: Administers,
    name: Name,
    file: Annotated[UploadFile, File(description="A zip, as an export gives it")],
    max_size: Annotated[int | None, Form(ge=1, description="Bytes that are allowed")] = None,
) -> VersionDetails:
    """Makes an exported model the next version of this name, after everything in it was checked."""
    from funit.model_exchange import import_model  # PyTorch: not for translations
    from funit.onnx_export import can_export, write_graphs

    limit = services.settings.limits.model_bytes
    if file.size is None or file.size > limit:
        raise LimitError(f"a model may have {limit:,} bytes", hint="upload a smaller one")
    with tempfile.NamedTemporaryFile(suffix=".zip") as kept:
        while block := file.file.read(1 << 20):
            kept.write(block)
        kept.flush()
        info = import_model(
            Path(kept.name),
            name,
            services.models,
            write_graphs=write_graphs if can_export() else None,
            max_bytes=limit,
            max_size=max_size,
        )
    return _details(services, f"{info.name}@{info.version}")


@router.get("/{name}", summary="The versions of a model", responses=responses(401, 403, 404, 422))
def list_versions(services: ServicesOf, _: Translates, name: Name) -> Models:
    """All versions of one model."""
    services.models.entry(name)  # there must be one
    return Models(models=[_summary(entry) for entry in _entries(services, name)])


@router.get(
    "/{name}/versions/{version}",
    summary="What a version is",
    responses=responses(401, 403, 404, 422),
)
def show_version(
    services: ServicesOf, _: Translates, name: Name, version: Version
) -> VersionDetails:
    """Settings, training, scores and files of a version."""
    return _details(services, f"{name}@{version}")


@router.get(
    "/{name}/versions/{version}/card",
    summary="The card of a version",
    response_class=PlainTextResponse,
    responses={
        200: {"content": {"text/markdown": {}}, "description": "Markdown"},
        **responses(401, 403, 404, 422),
    },
)
def show_card(services: ServicesOf, _: Translates, name: Name, version: Version) -> Response:
    """What people should know: data, licence, limits, scores."""
    return Response(services.models.entry(f"{name}@{version}").card, media_type="text/markdown")


@router.get(
    "/{name}/versions/{version}/files/{file}",
    summary="A file of a version",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "The file"},
        **responses(400, 401, 403, 404, 422),
    },
)
def download_file(
    services: ServicesOf, _: Translates, name: Name, version: Version, file: str
) -> FileResponse:
    """One of the files that the version lists."""
    model = f"{name}@{version}"
    listed = {entry.name for entry in services.models.files(model)}
    if file not in listed:
        raise NotThereError(
            f"`{model}` has no file `{file}`", hint=f"it has {', '.join(sorted(listed))}"
        )
    path = services.models.find_named(model).path / file
    return FileResponse(path, media_type="application/octet-stream", filename=file)


@router.get(
    "/{name}/versions/{version}/export",
    summary="Export a version",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/zip": {}}, "description": "A zip"},
        **responses(400, 401, 403, 404, 422),
    },
)
def export_version(
    services: ServicesOf,
    _: Translates,
    name: Name,
    version: Version,
    layout: Annotated[Literal["folder", "triton"], Query()] = "folder",
) -> FileResponse:
    """A zip with the file names of Hugging Face, or in the layout of Triton's model repository."""
    from funit.model_exchange import exported_files, known_layout, write_zip

    found = services.models.find_named(f"{name}@{version}")
    files = exported_files(found, known_layout(layout))
    with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as kept:
        gone = BackgroundTask(Path(kept.name).unlink, missing_ok=True)
        write_zip(files, kept)
    return FileResponse(
        kept.name,
        media_type="application/zip",
        filename=f"{found.info.name}-{found.info.version}.zip",
        background=gone,
    )


@router.put(
    "/{name}/aliases/{alias}",
    summary="Move an alias",
    responses=responses(400, 401, 403, 404, 409, 422),
)
def set_alias(
    services: ServicesOf, _: Administers, name: Name, alias: Alias, target: AliasTarget
) -> VersionSummary:
    """Makes the alias a name of this version, whatever it named before."""
    return _summary(services.models.set_alias(f"{name}@{target.version}", alias))


@router.delete(
    "/{name}/aliases/{alias}",
    status_code=204,
    summary="Drop an alias",
    responses=responses(401, 403, 404, 409, 422),
)
def remove_alias(services: ServicesOf, _: Administers, name: Name, alias: Alias) -> None:
    """Drops an alias; the version stays."""
    services.models.remove_alias(name, alias)


@router.delete(
    "/{name}/versions/{version}",
    status_code=204,
    summary="Remove a version",
    responses=responses(401, 403, 404, 409, 422),
)
def remove_version(services: ServicesOf, _: Administers, name: Name, version: Version) -> None:
    """Removes a version; 409 while an alias other than `latest` names it."""
    services.models.remove(f"{name}@{version}")


def _entries(services: ServicesOf, name: str | None) -> Sequence[ModelEntry]:
    """What can be read: a version that another funit wrote hides no other."""
    return services.models.entries(name, on_problem=lambda _: None)


def _summary(entry: ModelEntry) -> VersionSummary:
    info = entry.info
    return VersionSummary(
        name=info.name,
        version=info.version,
        aliases=entry.aliases,
        image_size=info.config.model.image_size,
        num_classes=info.config.model.num_classes,
        images=info.training.images,
        size=entry.size,
        licence=info.licence,
        created_at=entry.created_at,
        parent=entry.parent,
    )


def _details(services: ServicesOf, model: str) -> VersionDetails:
    entry = services.models.entry(model)
    info = entry.info
    return VersionDetails(
        **_summary(entry).model_dump(),
        config=info.config.model_dump(mode="json"),
        training=info.training.model_dump(mode="json"),
        scores=info.scores,
        weights_sha256=info.weights_sha256,
        data_fingerprint=info.training.data.get("fingerprint"),
        made_by=info.made_by,
        files=services.models.files(entry.label),
    )
