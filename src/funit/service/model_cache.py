"""Models, opened when they are asked for and dropped, least recently used first, for others."""

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from safetensors import safe_open

from funit.database.changes import Changes
from funit.engines.engine import Floats, Look
from funit.errors import NotThereError, UserError
from funit.gallery import Gallery
from funit.model.code_statistics import CodeStatistics
from funit.model.strangeness import content_codes, distances, look_codes, look_distances
from funit.model_folder import ModelFolder
from funit.repository import ModelRepository
from funit.service.meter import Meter
from funit.service.settings import GeneratorSettings
from funit.translator import Content, Translator

NAME_SECONDS = 1.0  # for so long a name means the same version, even where the database changes
_NUM_LOADERS = 4


@dataclass(frozen=True, eq=False)
class Translation:
    """What came of a pose."""

    image: Image.Image
    strangeness: float | None
    """Of the pose: 1 is as usual in training; None where the model does not know what is."""


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model that is ready; only the batches' thread lets it compute."""

    key: str
    """The same for the same weights, graphs and gallery."""
    name: str
    """NAME@VERSION."""
    weights_sha256: str
    translator: Translator
    gallery: Gallery | None
    statistics: CodeStatistics | None
    num_bytes: int

    @property
    def image_size(self) -> int:
        """Height and width of what it draws."""
        return self.translator.image_size

    def require_gallery(self) -> Gallery:
        """Its gallery; raises NotThereError where it has none."""
        if self.gallery is None:
            raise NotThereError(
                f"the model `{self.name}` has no gallery", hint="upload pictures instead"
            )
        return self.gallery

    def gallery_pose(self, wanted: str) -> int:
        """The index of a pose of its gallery by its name, or its number, which counts from 1."""
        names = list(self.require_gallery().pose_names)
        if wanted in names:
            return names.index(wanted)
        if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
            return int(wanted) - 1
        raise NotThereError(
            f"there is no pose `{wanted}` in the gallery of `{self.name}`",
            hint=f"give a number from 1 to {len(names)}, a name, e.g. `{names[0]}`, or the id of "
            "a pose of your own",
        )

    def gallery_look(self, wanted: str) -> Look:
        """A look of its gallery by its name, or its number, which counts from 1."""
        gallery = self.require_gallery()
        try:
            return gallery.one_look(gallery.look(wanted))
        except UserError as error:
            raise NotThereError(error.message, hint=error.hint) from None

    def encode_examples(self, images: Sequence[Image.Image]) -> list[Look]:
        """The look of each example by itself."""
        return self.translator.encode_each(images)

    def translate(
        self, pairs: Sequence[tuple[Image.Image | Content, Look]]
    ) -> list[tuple[Translation, Content]]:
        """Each content in its look; with its code, to be kept."""
        fresh = [content for content, _ in pairs if not isinstance(content, Content)]
        encoded = iter(self.translator.encode_content(fresh) if fresh else ())
        contents = [c if isinstance(c, Content) else next(encoded) for c, _ in pairs]
        drawn = self.translator.translate_pairs(contents, [look for _, look in pairs])
        strange = self._strangeness(np.stack([content_map for _, content_map in drawn]))
        images = [image for image, _ in drawn]
        return list(zip(map(Translation, images, strange), contents, strict=True))

    def draw(self, pairs: Sequence[tuple[int, Look]]) -> list[Translation]:
        """Each pose of the gallery in its look."""
        poses: Floats = self.require_gallery().poses[[index for index, _ in pairs]]
        images = self.translator.draw(poses, [look for _, look in pairs])
        return list(map(Translation, images, self._strangeness(poses)))

    def look_strangeness(self, looks: Sequence[Look]) -> float | None:
        """How strange the strangest of some looks is, as of a pose."""
        if self.statistics is None:
            return None
        config = self.translator.config.model
        codes = [look_codes(each.class_code, each.keys, each.log_shares) for each in looks]
        return max(look_distances(np.concatenate(codes), self.statistics.look, config))

    def _strangeness(self, content_maps: Floats) -> Sequence[float | None]:
        if self.statistics is None:
            return [None] * len(content_maps)
        codes = content_codes(content_maps, self.translator.config.model)
        return distances(codes, self.statistics.content)


class _Named(NamedTuple):
    """What a name was found to mean."""

    key: str
    at: float
    """In seconds, of `time.monotonic`."""
    changes: int | None
    """The count of the database's changes by then."""


class ModelCache:
    """The models that are ready, by what they are called."""

    def __init__(
        self,
        models: ModelRepository,
        settings: GeneratorSettings,
        meter: Meter,
        changes: Changes | None = None,
    ) -> None:
        self.models = models
        self.settings = settings
        self.meter = meter
        self.changes = changes
        self._ready: OrderedDict[str, LoadedModel] = OrderedDict()
        self._named: dict[str, _Named] = {}
        self._coming: dict[str, Future[LoadedModel]] = {}
        self._lock = threading.Lock()
        self._opening: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._pool = ThreadPoolExecutor(_NUM_LOADERS, "funit-models")

    def at_once(self, name: str) -> LoadedModel | None:
        """The model, if it is ready and its name still means it."""
        with self._lock:
            named = self._named.get(name)
            if named is None or named.key not in self._ready or not self._holds(named):
                return None
            self._ready.move_to_end(named.key)
            return self._ready[named.key]

    def coming(self, name: str) -> Future[LoadedModel]:
        """The model, when it is ready; all who ask meanwhile share this, so it is not cancelled."""
        with self._lock:
            coming = self._coming.get(name)
            if coming is None:
                coming = self._coming[name] = self._pool.submit(self._find, name)
                coming.add_done_callback(lambda _: self._coming.pop(name, None))
            return coming

    def names(self) -> list[str]:
        """What is ready, the least recently used first."""
        with self._lock:
            return [model.name for model in self._ready.values()]

    def close(self) -> None:
        """Ends when what is being opened is open; it is forgotten."""
        self._pool.shutdown(cancel_futures=True)
        self._ready.clear()

    def _holds(self, named: _Named) -> bool:
        if time.monotonic() - named.at <= NAME_SECONDS:
            return True
        return named.changes is not None and named.changes == self._count()

    def _count(self) -> int | None:
        return self.changes.count() if self.changes else None

    def _find(self, name: str) -> LoadedModel:
        changes = self._count()
        folder = self.models.find_named(name)
        key = _key(folder)
        with self._opening[key]:
            with self._lock:
                found = self._ready.get(key)
            if found is None:
                start = time.perf_counter()
                found = self._opened(folder, key)
                self.meter.loaded(found.name, time.perf_counter() - start)
            self._keep(name, found, changes)
        return found

    def _opened(self, folder: ModelFolder, key: str) -> LoadedModel:
        gallery_path = folder.whole_gallery()
        gallery = Gallery.read(gallery_path) if gallery_path else None
        asked = self.settings
        translator = Translator.of(folder, asked.device, asked.engine, asked.precision)
        info = folder.info
        return LoadedModel(
            key,
            f"{info.name}@{info.version}",
            info.weights_sha256,
            translator,
            gallery,
            info.statistics,
            _bytes_of_weights(folder.weights_path) + (gallery.poses.nbytes if gallery else 0),
        )

    def _keep(self, name: str, model: LoadedModel, changes: int | None) -> None:
        """Now the most recently used one; others go until all are within the budget."""
        with self._lock:
            self._named[name] = _Named(model.key, time.monotonic(), changes)
            self._ready[model.key] = model
            self._ready.move_to_end(model.key)
            while len(self._ready) > 1 and self._num_bytes() > self.settings.model_bytes:
                _, dropped = self._ready.popitem(last=False)
                self.meter.dropped(dropped.name)

    def _num_bytes(self) -> int:
        return sum(model.num_bytes for model in self._ready.values())


def _key(folder: ModelFolder) -> str:
    graphs = folder.graphs
    hashes = [*sorted(graphs.sha256.values())] if graphs else []
    return " ".join([folder.info.weights_sha256, *hashes, folder.info.gallery_sha256 or ""])


def _bytes_of_weights(path: Path) -> int:
    """What the weights take once they are 32 bits each."""
    with safe_open(path, framework="np") as file:
        shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
    return int(sum(np.prod(shape, dtype=np.int64) for shape in shapes)) * 4
