"""What a model is on disk: a folder that says of itself what it is, and is found whole or refused.

    weights.safetensors    the generator's weights; its settings are in the metadata too
    class_code.onnx, translation.onnx, drawing.onnx
                           what is computed from them, for engines without PyTorch
    gallery.safetensors    poses and looks to draw without any picture (`funit.gallery`), if any
    discriminator.safetensors    the discriminator's, to train on from; translations need none
    model.json             `ModelInfo`: settings, how it was trained, hash of the weights, scores
    card.md                the same for people to read
    LICENSE

A run folder and each of its checkpoints can be opened as a model, too. numpy is imported where
weights are read or written: a list of models needs none.
"""

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel, Field, ValidationError

from funit import __version__
from funit.config import Config, ModelConfig, build_config, read_settings, to_json
from funit.errors import UserError
from funit.model.code_statistics import CodeStatistics
from funit.model.graphs import GRAPH_FILES, GRAPHS_FORMAT, WEIGHTS_FILE, GraphsRecord
from funit.model.parent import Parent, ParentRecord

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Tensors: TypeAlias = "Mapping[str, NDArray[Any]]"
# (weights, config): writes files beside the weights, if any
GraphWriter = Callable[[Path, ModelConfig], GraphsRecord | None]

FORMAT = 1  # of model.json, and of the run folders that are read here
ABOUT_FILE, CARD_FILE, LICENCE_FILE = "model.json", "card.md", "LICENSE"
GALLERY_FILE = "gallery.safetensors"
DISCRIMINATOR_FILE = "discriminator.safetensors"
NOT_STATED = "not stated"  # of a licence

_REBUILD_HINT = "publish or download it again"

log = logging.getLogger(__name__)


class TrainingRecord(BaseModel, frozen=True):
    """How a model came to be."""

    command: str = ""
    seed: int
    images: int
    """Content images seen."""
    minutes: float
    data: dict[str, Any] = Field(default_factory=dict)
    """What the data was: at least its fingerprint."""
    parent: ParentRecord | None = None
    """The model that it started from."""


class ModelInfo(BaseModel, frozen=True):
    """What model.json says."""

    format: int = FORMAT
    name: str
    version: int
    made_by: str = __version__
    """The version of funit."""
    config: Config
    training: TrainingRecord
    weights_sha256: str
    discriminator_sha256: str | None = None
    """Of the discriminator's weights beside the generator's, if they were kept."""
    graphs: GraphsRecord | None = None
    """The graphs beside the weights, with which no PyTorch is needed."""
    gallery_sha256: str | None = None
    """Of the gallery beside the weights, if there is one."""
    scores: list[dict[str, Any]] = Field(default_factory=list)
    """Rows as `funit demo` and `funit evaluate` write them."""
    statistics: CodeStatistics | None = None
    """Of the codes of training data; None where these were gone when it was published."""
    licence: str
    notes: str = ""
    """What else people should know, as Markdown: data, limits, known failures."""

    @property
    def feature_networks(self) -> tuple[str, ...]:
        """The frozen networks that taught it or its parent: the same must not judge it."""
        parent = self.training.parent
        return tuple(
            dict.fromkeys(
                (*self.config.feature_networks, *(parent.feature_networks if parent else ()))
            )
        )


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk, or the newest average generator of a run."""

    path: Path
    info: ModelInfo
    weights_path: Path
    mend_hint: str = _REBUILD_HINT
    """What to do where one of its files is damaged."""

    @property
    def is_run(self) -> bool:
        """Whether it is a run's, whose weights are in 32 bits and in a checkpoint."""
        return self.weights_path.parent != self.path

    @property
    def licence_text(self) -> str:
        """What its licence says; empty where there is none."""
        path = self.path / LICENCE_FILE
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def whole_weights(self) -> Path:
        """The file of weights; raises UserError unless it is what was saved."""
        self._check(self.weights_path, self.info.weights_sha256)
        return self.weights_path

    @property
    def graphs(self) -> GraphsRecord | None:
        """The record of its graphs, if there are any that this version uses."""
        record = self.info.graphs
        return record if record and record.format == GRAPHS_FORMAT else None

    def whole_graphs(self) -> Path:
        """The folder of the graphs, which there must be; raises UserError if one is damaged."""
        assert self.graphs is not None
        for file in GRAPH_FILES:
            self._check(self.path / file, self.graphs.sha256[file])
        return self.path

    def whole_gallery(self) -> Path | None:
        """The file of its gallery, if it has one; raises UserError if that is damaged."""
        if self.info.gallery_sha256 is None:
            return None
        self._check(self.path / GALLERY_FILE, self.info.gallery_sha256)
        return self.path / GALLERY_FILE

    def whole_discriminator(self) -> Path | None:
        """The file of the discriminator's weights, if there is one; UserError if it is damaged."""
        path = self.weights_path.with_name(DISCRIMINATOR_FILE)
        if self.info.discriminator_sha256 is None or not path.exists():
            return None
        self._check(path, self.info.discriminator_sha256)
        return path

    def tensors(self) -> Tensors:
        """The weights in 32 bits; raises UserError unless they are what was saved."""
        return _read_tensors(self.whole_weights())

    def discriminator_tensors(self) -> "Tensors | None":
        """The discriminator's weights in 32 bits, if there are any; UserError as for `tensors`."""
        path = self.whole_discriminator()
        return None if path is None else _read_tensors(path)

    def as_parent(self, given: str) -> Parent:
        """The model as one that a training can start from; `given` is what the user called it."""
        record = ParentRecord(
            name=self.info.name,
            version=self.info.version,
            weights_sha256=self.info.weights_sha256,
            licence="" if self.info.licence == NOT_STATED else self.info.licence,
            feature_networks=self.info.feature_networks,
        )
        return Parent(
            given,
            record,
            self.info.config,
            self.info.training.images,
            self.whole_weights(),
            self.whole_discriminator(),
        )

    def _check(self, path: Path, sha256: str) -> None:
        if sha256_of(path) != sha256:
            raise UserError(
                f"`{path}` is damaged: its SHA-256 is not the one that was saved",
                hint=self.mend_hint,
            )


def save_model(
    folder: Path,
    tensors: "Mapping[str, ArrayLike]",
    config: Config,
    *,
    name: str,
    version: int,
    training: TrainingRecord,
    discriminator: "Mapping[str, ArrayLike] | None" = None,
    scores: Sequence[Mapping[str, Any]] = (),
    licence: str = "",
    licence_text: str = "",
    half: bool = True,
    write_graphs: GraphWriter | None = None,
    notes: str = "",
    gallery: Path | None = None,
    statistics: CodeStatistics | None = None,
) -> ModelInfo:
    """Writes a new model folder in one piece; `half` halves its size.

    `write_graphs` adds the graphs, a `gallery` of the same weights is copied. Raises
    FileExistsError where the folder exists, UserError where it cannot be written.
    """
    with _new_folder(folder) as temporary:
        weights_path = temporary / WEIGHTS_FILE
        sha256 = _write_tensors(weights_path, tensors, config, half)
        of_discriminator = None
        if discriminator is not None:
            path = temporary / DISCRIMINATOR_FILE
            of_discriminator = _write_tensors(path, discriminator, config, half)
        info = ModelInfo(
            name=name,
            version=version,
            config=config,
            training=training,
            weights_sha256=sha256,
            discriminator_sha256=of_discriminator,
            graphs=write_graphs(weights_path, config.model) if write_graphs else None,
            scores=[dict(row) for row in scores],
            gallery_sha256=sha256_of(gallery) if gallery else None,
            statistics=statistics,
            licence=licence or NOT_STATED,
            notes=notes,
        )
        if gallery:
            shutil.copyfile(gallery, temporary / GALLERY_FILE)
        write_about(temporary, info)
        (temporary / LICENCE_FILE).write_text(licence_text or f"Licence: {info.licence}\n")
    return info


def copy_model(
    found: ModelFolder, folder: Path, info: ModelInfo, write_graphs: GraphWriter | None = None
) -> ModelInfo:
    """Copies a model, file by file, to a new folder that says `info` of itself.

    `write_graphs` makes the graphs of one that has none. Raises UserError where one is damaged.
    """
    with _new_folder(folder) as temporary:
        weights = Path(shutil.copyfile(found.whole_weights(), temporary / WEIGHTS_FILE))
        if gallery := found.whole_gallery():
            shutil.copyfile(gallery, temporary / GALLERY_FILE)
        discriminator = found.whole_discriminator()
        if discriminator:
            shutil.copyfile(discriminator, temporary / DISCRIMINATOR_FILE)
        graphs = found.graphs
        if graphs:
            for file in GRAPH_FILES:
                shutil.copyfile(found.whole_graphs() / file, temporary / file)
        elif write_graphs:
            graphs = write_graphs(weights, info.config.model)
        kept = info.discriminator_sha256 if discriminator else None
        info = info.model_copy(update={"graphs": graphs, "discriminator_sha256": kept})
        write_about(temporary, info)
        text = found.licence_text or f"Licence: {info.licence}\n"
        (temporary / LICENCE_FILE).write_text(text, encoding="utf-8")
    return info


def write_about(folder: Path, info: ModelInfo) -> None:
    """Writes what a model folder says of itself, for programs and for people."""
    (folder / ABOUT_FILE).write_text(info.model_dump_json(indent=1) + "\n")
    (folder / CARD_FILE).write_text(card(info))


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file; raises UserError where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise UserError(f"there is no `{path}`", hint=_REBUILD_HINT) from None


def open_model(path: Path, mend_hint: str = _REBUILD_HINT) -> ModelFolder:
    """The model in that folder; raises UserError where there is none that this version reads."""
    about = _read_json(path / ABOUT_FILE, f"`{path}` is no model folder and no run folder")
    info = read_info(about, str(path), f"`{path / ABOUT_FILE}`")
    return ModelFolder(path, info, path / WEIGHTS_FILE, mend_hint)


def read_info(about: Mapping[str, Any], model: str, what: str) -> ModelInfo:
    """What model.json holds; raises UserError where this version cannot read it."""
    _check_format(model, about, "model")
    try:
        return ModelInfo.model_validate(about)
    except (ValidationError, UserError) as error:
        raise UserError(
            f"{what} cannot be understood: {_first_line(error)}",
            hint=f"it was written by funit {about.get('made_by', 'of an unknown version')}, "
            f"this is {__version__}",
        ) from None


def open_run(path: Path, checkpoint: Path | None = None) -> ModelFolder:
    """The average generator of a run folder, of its newest whole checkpoint or of a given one.

    Raises UserError where there is none.
    """
    about = _read_json(path / "run.json", f"`{path}` is no run folder")
    _check_format(str(path), about, "run")
    config = build_config(read_settings(path / "config.yaml"))
    if checkpoint is None:
        checkpoint, state = _newest_checkpoint(path)
    else:
        state = _read_json(checkpoint / "state.json", f"`{checkpoint}` is no checkpoint")
    has_judged = config.training.is_adversarial(state["images"])  # else it is as it was drawn
    info = ModelInfo(
        name=path.resolve().name,
        version=0,
        config=config,
        training=TrainingRecord(
            command=about.get("command", ""),
            seed=config.training.seed,
            images=state["images"],
            minutes=round(state.get("minutes", 0.0), 1),
            data=about.get("data", {}),
            parent=about.get("parent"),
        ),
        weights_sha256=state["files"]["average.safetensors"],
        discriminator_sha256=state["files"].get(DISCRIMINATOR_FILE) if has_judged else None,
        licence=NOT_STATED,
    )
    return ModelFolder(path, info, checkpoint / "average.safetensors")


def checkpoint_folders(folder: Path) -> list[Path]:
    """The checkpoints there, whole or damaged, from the oldest on; each is named by its images."""
    return sorted(path for path in folder.glob("[0-9]*") if path.name.isdecimal())


def open_folder(path: Path) -> ModelFolder:
    """The model of a model folder, of a run folder or of one checkpoint of a run; or UserError."""
    if (path / "run.json").exists():
        return open_run(path)
    run = path.absolute().parent.parent
    if (path / "state.json").exists() and (run / "run.json").exists():
        return open_run(run, path)
    return open_model(path)


def card(info: ModelInfo) -> str:
    """What people should know about a model, as Markdown."""
    model, training = info.config.model, info.training
    lines = [
        f"# {info.name}, version {info.version}",
        "",
        f"Redraws images of {model.image_size} x {model.image_size} pixels: keeps the pose of one "
        "and takes the look of a class that one or a few examples show.",
        "",
        f"- trained on {model.num_classes} classes, {training.images:,} images seen, "
        f"{training.minutes:.0f} minutes, seed {training.seed}",
        f"- data: {json.dumps(training.data)}",
        *([f"- command: `{training.command}`"] if training.command else []),
        *([f"- started from {_named(training.parent)}"] if training.parent else []),
        *(
            ["- the discriminator is kept too: `funit train --from` goes on with both networks"]
            if info.discriminator_sha256
            else []
        ),
        f"- made by funit {info.made_by}; licence: {info.licence}",
        "",
        "It knows only pictures like those it was trained on; others come out wrong.",
    ]
    if info.notes:
        lines += ["", info.notes.strip()]
    return "\n".join([*lines, *_score_table(info.scores)]) + "\n"


def _named(parent: ParentRecord) -> str:
    version = f"version {parent.version}" if parent.version else "a run"
    licence = f", licence: {parent.licence}" if parent.licence else ""
    return f"`{parent.name}`, {version} (weights {parent.weights_sha256[:12]}{licence})"


def _score_table(scores: Sequence[Mapping[str, Any]]) -> list[str]:
    if not scores:
        return []
    rows = [
        f"| {s['model']} | {s['part']} | {s['shots']} | {s['metric']} | {s['value']:.4f} | "
        f"{s['low']:.4f} to {s['high']:.4f} | {s['n']} |"
        for s in scores
    ]
    head = "| model | part | examples | metric | value | 95% interval | images |"
    return ["", "## Scores", "", head, "|---|---|---|---|---|---|---|", *rows]


def _newest_checkpoint(run: Path) -> tuple[Path, dict[str, Any]]:
    """The newest checkpoint whose average is whole, and its state."""
    for path in reversed(checkpoint_folders(run / "checkpoints")):
        try:
            state: dict[str, Any] = json.loads((path / "state.json").read_text())
            if sha256_of(path / "average.safetensors") == state["files"]["average.safetensors"]:
                return path, state
        except (UserError, OSError, ValueError, KeyError, TypeError):
            pass  # whatever is wrong with it: it is passed over, and said
        log.warning("checkpoint `%s` is damaged: the one before it is used", path)
    raise UserError(
        f"the run `{run}` has no checkpoint yet",
        hint="wait for its first one, or go on with `funit train`",
    )


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Gives a temporary folder to fill, which becomes `folder` in one piece, or leaves nothing."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder.parent) as temporary:
            filled = Path(temporary) / "model"
            filled.mkdir()
            yield filled
            if folder.exists():
                raise FileExistsError(str(folder))
            filled.rename(folder)
    except FileExistsError:
        raise
    except OSError as error:
        if folder.exists():  # it was made between the look and the rename
            raise FileExistsError(str(folder)) from None
        raise UserError(
            f"the model `{folder}` cannot be written: {error.strerror or error}",
            hint="check the free space and the permissions of its folder",
        ) from error


def _write_tensors(
    path: Path, tensors: "Mapping[str, ArrayLike]", config: Config, half: bool
) -> str:
    """Writes weights with their settings; gives the file's SHA-256."""
    import numpy as np
    from safetensors.numpy import save

    dtype = np.float16 if half else np.float32
    stored = {name: np.asarray(t, dtype, order="C") for name, t in tensors.items()}
    content = save(stored, metadata={"config": to_json(config)})
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _read_tensors(path: Path) -> Tensors:
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"`{path}` cannot be read: {error}", hint=_REBUILD_HINT) from None
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def _read_json(path: Path, otherwise: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(otherwise, hint=f"it has no `{path.name}`") from None
    except (OSError, ValueError) as error:
        raise UserError(f"`{path}` cannot be read: {error}", hint=_REBUILD_HINT) from None
    if not isinstance(content, dict):
        raise UserError(f"`{path}` is damaged", hint=_REBUILD_HINT)
    return content


def _check_format(path: str, about: Mapping[str, Any], kind: str) -> None:
    found = about.get("format")
    if found != FORMAT:
        maker = about.get("made_by") or about.get("version") or "another version"
        raise UserError(
            f"`{path}` has {kind} format {found}; this version reads {FORMAT}",
            hint=f"use the funit that made it: {maker}",
        )


def _first_line(error: ValidationError | UserError) -> str:
    if isinstance(error, UserError):
        return error.message
    first = error.errors()[0]
    return f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}"
