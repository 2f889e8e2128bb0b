"""The model repository: what there is, what each is, and what changes it."""

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from funit.client.connection import Answer, Connection, given, read, word
from funit.client.sources import unreadable


class ModelVersion(Answer):
    """A version of a model; it never changes."""

    name: str
    version: int
    aliases: tuple[str, ...]
    image_size: int
    """Pixels."""
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

    @property
    def label(self) -> str:
        """NAME@VERSION."""
        return f"{self.name}@{self.version}"


class ModelFile(Answer):
    """A file of a version."""

    name: str
    sha256: str
    size: int
    """Bytes."""


class ModelDetails(ModelVersion):
    """All that is known of a version."""

    config: dict[str, Any]
    training: dict[str, Any]
    scores: tuple[dict[str, Any], ...]
    weights_sha256: str
    data_fingerprint: str | None
    made_by: str
    files: tuple[ModelFile, ...]


class Models(Connection):
    """The verbs of `funit models`; a model is NAME, NAME@VERSION or NAME@ALIAS."""

    def models(self, name: str | None = None) -> list[ModelVersion]:
        """All versions of all models, or of one."""
        if name is None:
            body = self._json("GET", "/v1/models")
        else:
            body = self._json("GET", f"/v1/models/{word(name)}")
        return [read(ModelVersion, each) for each in body["models"]]

    def find_model(self, model: ModelVersion | str) -> ModelDetails:
        """Settings, training, scores and files of a version."""
        name, version = _parts(model)
        return self._one(ModelDetails, "GET", f"/v1/models/{word(name)}/versions/{word(version)}")

    def model_card(self, model: ModelVersion | str) -> str:
        """What people should know, in Markdown."""
        name, version = _parts(model)
        return self._answer("GET", f"/v1/models/{word(name)}/versions/{word(version)}/card").text

    def download_file(
        self, model: ModelVersion | str, file: str, out: str | Path, *, force: bool = False
    ) -> Path:
        """Writes one of the files that a version lists; raises UserError where `out` exists."""
        name, version = _parts(model)
        path = f"/v1/models/{word(name)}/versions/{word(version)}/files/{word(file)}"
        return self._save(path, out, force)

    def export_model(
        self,
        model: ModelVersion | str,
        out: str | Path,
        layout: Literal["folder", "triton"] = "folder",
        *,
        force: bool = False,
    ) -> Path:
        """Writes a version as a zip for others; raises UserError where `out` exists."""
        name, version = _parts(model)
        path = f"/v1/models/{word(name)}/versions/{word(version)}/export"
        return self._save(path, out, force, layout=layout)

    def import_model(
        self, source: str | Path, name: str, max_size: int | None = None
    ) -> ModelDetails:
        """Takes in a zip that an export wrote as the next version of NAME.

        It may have `max_size` bytes in all. The key needs the scope `admin`.
        """
        path, form = f"/v1/models/{word(name)}/versions", given(max_size=max_size)
        try:
            file = Path(source).open("rb")  # noqa: SIM115 - it is closed below
        except OSError as error:
            raise unreadable(source, error) from None
        with file:
            files = {"file": (Path(source).name, file)}
            slow = self._patient()
            return self._one(ModelDetails, "POST", path, data=form, files=files, timeout=slow)

    def set_alias(self, model: ModelVersion | str, alias: str) -> ModelVersion:
        """Makes the alias a name of this version, whatever it named before."""
        name, version = _parts(model)
        number = int(version) if version.isdecimal() else self.find_model(model).version
        path = f"/v1/models/{word(name)}/aliases/{word(alias)}"
        return self._one(ModelVersion, "PUT", path, json={"version": number})

    def remove_alias(self, name: str, alias: str) -> None:
        """Drops an alias; the version stays."""
        self._answer("DELETE", f"/v1/models/{word(name)}/aliases/{word(alias)}")

    def remove_model(self, model: ModelVersion | str) -> None:
        """Removes a version; raises ConflictError while an alias other than `latest` names it."""
        name, version = _parts(model)
        self._answer("DELETE", f"/v1/models/{word(name)}/versions/{word(version)}")


def _parts(model: ModelVersion | str) -> tuple[str, str]:
    """Name, and number or alias."""
    label = model if isinstance(model, str) else model.label
    name, _, version = label.partition("@")
    return name, version or "latest"
