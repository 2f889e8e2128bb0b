"""What is measured: anything that answers pairs with images. Models, baselines, other programs.

Shapes: N pairs, H x W pixels; all images uint8 (N, H, W, 3).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np

from funit.config import Config
from funit.data.catalog import UNSEEN, read_catalog
from funit.data.images import fit, read_image
from funit.data.packed import SUFFIX, Packed, packed_for
from funit.engines.engine import Look
from funit.errors import UserError
from funit.evaluation.baselines import BASELINES, baseline_images, is_answered
from funit.evaluation.metrics import Images
from funit.evaluation.pairs import CSV_COLUMNS, Pair, Pairs, namesakes_distance, read_pairs
from funit.repository import ModelRepository
from funit.translator import Translator

PAIRS_FILE = "pairs.csv"  # in a folder of translations
OTHERWISE_SIZE = 64  # pixels, where no model says at which size to compare


Truth = Literal["auto", "names", "none"]  # whether the same file name is the same pose
TRUTHS: tuple[Truth, ...] = get_args(Truth)
MAX_DISTANCE = 0.9  # of namesakes, as a ratio to others, where names are taken for poses


class Candidate(Protocol):
    """Something that is measured."""

    @property
    def name(self) -> str:
        """As given on the command line."""

    @property
    def about(self) -> Mapping[str, Any]:
        """What a report says of it."""

    def answer(self, pairs: Sequence[Pair], images: Pairs) -> Images | None:
        """Its images for pairs of which as much is known; None where it has none."""


@dataclass(frozen=True, eq=False)
class Model:
    """A model that translates."""

    name: str
    translator: Translator
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        """Its settings."""
        return self.translator.config

    def answer(self, pairs: Sequence[Pair], images: Pairs) -> Images:  # noqa: ARG002
        """Its translations."""
        return translations(self.translator, images)


@dataclass(frozen=True)
class Baseline:
    """What is had without learning anything."""

    name: str
    about: Mapping[str, Any] = field(default_factory=dict)

    def answer(self, pairs: Sequence[Pair], images: Pairs) -> Images | None:  # noqa: ARG002
        """Its images, where it has what it needs."""
        return baseline_images(self.name, images) if is_answered(self.name, images) else None


@dataclass(frozen=True, eq=False)
class Folder:
    """Translations that another program made, and the CSV that says of what."""

    name: str
    path: Path
    pairs: Mapping[int, Mapping[str, Pair]]
    """By the number of examples, then by the image's file."""
    files: Mapping[Pair, str]
    about: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path, name: str, packed: Packed, names_are_poses: bool = True) -> "Folder":
        """The translations in a folder; UserError where one that it lists is not there."""
        pairs = read_pairs(packed, path / PAIRS_FILE, names_are_poses)
        files = {pair: image for some in pairs.values() for image, pair in some.items()}
        if missing := [image for image in files.values() if not (path / image).is_file()]:
            raise UserError(
                f"`{path / missing[0]}` is missing, and {len(missing) - 1} others",
                hint=f"`{path / PAIRS_FILE}` lists it in the column `{CSV_COLUMNS[0]}`",
            )
        digest = hashlib.sha256((path / PAIRS_FILE).read_bytes()).hexdigest()
        return cls(name, path, pairs, files, {"pairs_sha256": digest})

    def answer(self, pairs: Sequence[Pair], images: Pairs) -> Images | None:
        """The images of these pairs; None where one of them was not made."""
        size = images.content.shape[1]
        found = [self.files.get(pair) for pair in pairs]
        if None in found:
            return None
        opened = [read_image(self.path / str(file)) for file in found]
        return np.stack([np.asarray(fit(image, size)) for image in opened])


@dataclass(frozen=True, eq=False)
class Opened:
    """What is measured, and on what."""

    candidates: list[Candidate]
    packed: Packed
    size: int
    """At which all are compared, pixels."""
    names_are_poses: bool
    """Whether images of one name are one pose, so that truths are known."""
    distance: float | None
    """Of namesakes, as a ratio to others, if it was asked for and there are any."""


def open_candidates(
    models: Sequence[str | Path], data: Path, device: str, truth: Truth = "auto"
) -> Opened:
    """The models in the order given, then the baselines, and DATA at the size of all."""
    asked = [model for model in dict.fromkeys(map(str, models)) if model not in BASELINES]
    loaded = {name: _model(name, device) for name in asked if not _is_folder(name)}
    size = _common_size(loaded)
    num_unseen, seed = _split_of(list(loaded.values()), data)
    packed = packed_for(data, size, num_unseen=num_unseen, seed=seed)
    distance = namesakes_distance(packed, size) if truth == "auto" else None
    are_poses = truth == "names" or (distance is not None and distance < MAX_DISTANCE)
    found: list[Candidate] = [
        loaded[name] if name in loaded else Folder.open(Path(name), name, packed, are_poses)
        for name in asked
    ]
    return Opened([*found, *map(Baseline, BASELINES)], packed, size, are_poses, distance)


def _split_of(models: Sequence[Model], data: Path) -> tuple[int, int]:
    """How many classes of DATA the models were trained without, and by which seed; (0, 0) if none.

    Only where DATA is what they were trained on, and has no parts of its own.
    """
    kept_back = [model for model in models if model.config.data.num_unseen]
    if not kept_back or data.suffix == SUFFIX:
        return 0, 0
    catalog = read_catalog(data)
    if len(catalog.parts) > 1 or UNSEEN in catalog.parts:
        return 0, 0
    splits = {
        (model.config.data.num_unseen, model.config.training.seed): model.name
        for model in kept_back
        if model.about["data"] == catalog.fingerprint
    }
    if len(splits) > 1:
        one, other = list(splits.values())[:2]
        raise UserError(
            f"`{one}` and `{other}` were trained without other classes of `{data}`",
            hint="evaluate them one by one, or on classes that neither has seen",
        )
    return next(iter(splits), (0, 0))


def _is_folder(model: str) -> bool:
    return (Path(model) / PAIRS_FILE).is_file()


def _model(model: str | Path, device: str) -> Model:
    folder = ModelRepository().find(model)
    info = folder.info
    about = {
        "weights_sha256": info.weights_sha256,
        "images": info.training.images,
        "minutes": info.training.minutes,
        "feature_networks": list(info.feature_networks),
        "data": info.training.data.get("fingerprint"),
    }
    return Model(str(model), Translator.load(model, device, engine="torch"), about)


def _common_size(models: Mapping[str, Model]) -> int:
    """The one size at which all are compared."""
    sizes = {name: model.translator.image_size for name, model in models.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"`{name}` {size} px" for name, size in sizes.items())
        raise UserError(
            f"the models draw images of different sizes: {listed}",
            hint="evaluate those of each size in a run of its own",
        )
    return next(iter(sizes.values()), OTHERWISE_SIZE)


def translations(translator: Translator, pairs: Pairs) -> Images:
    """What a model answers to each pair: (N, H, W, 3)."""
    known: dict[bytes, Look] = {}  # some pairs have all their examples in common
    looks = []
    for examples in pairs.examples:
        key = examples.tobytes()
        if key not in known:
            known[key] = translator.encode_class(list(examples))
        looks.append(known[key])
    return np.stack([np.asarray(i) for i in translator.translate(list(pairs.content), looks)])
