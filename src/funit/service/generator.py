"""The image generator: pictures and looks in, translations out, many requests at once.

    model = await generator.model("default")
    parts = await generator.encode_examples(model, [fox_1, fox_2])
    (translation,) = await generator.translate(model, [cat], merged(parts))

Pictures are read in threads; codes that were made before are used again; what one model is asked
for by several requests is computed together.
"""

import asyncio
import hashlib
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from funit.data.images import fit, read_image
from funit.database.changes import Changes
from funit.engines.engine import Floats, Look
from funit.errors import UserError
from funit.repository import ModelRepository
from funit.service.batching import Batcher, Kind
from funit.service.code_cache import CodeCache
from funit.service.errors import BusyError, TooLargeError
from funit.service.meter import Meter
from funit.service.metrics import Metrics
from funit.service.model_cache import LoadedModel, ModelCache, Translation
from funit.service.pictures import Format, Picture, all_encoded
from funit.service.settings import GeneratorSettings, Limits
from funit.translator import Content, shares_of

T = TypeVar("T")
_NUM_READERS = os.cpu_count() or 1  # threads that read and write pictures: each may take 120 MB
_SMALL = 5_000  # pixels: encoded in less time than it takes to hand them to a thread
_IN_TIME = 0.8  # of the time that a request has: with more before it, it would come too late


@dataclass(frozen=True)
class GalleryPose:
    """A pose of the model's gallery."""

    index: int


Pose = Picture | GalleryPose


class ImageGenerator:
    """What makes translations for all requests; any task of any loop may call it."""

    def __init__(
        self,
        settings: GeneratorSettings,
        limits: Limits,
        models: ModelRepository,
        default_model: str = "default",
        meter: Meter | None = None,
        changes: Changes | None = None,
    ) -> None:
        self.limits = limits
        self.default_model = default_model
        self.meter = meter or Meter(Metrics())  # of a registry that nobody reads
        self.models = ModelCache(models, settings, self.meter, changes)
        self.looks: CodeCache[Look] = CodeCache(settings.num_cached_codes, settings.code_bytes)
        self.contents: CodeCache[Content] = CodeCache(
            settings.num_cached_codes, settings.code_bytes
        )
        self.described: CodeCache[Floats] = CodeCache(
            settings.num_cached_codes, settings.code_bytes
        )
        """What poses look like in one look, by which they are compared."""
        self.batcher = Batcher(
            settings.batch_size,
            settings.wait_ms / 1000,
            self._others_come,
            self.meter,
            settings.batch_ms / 1000,
        )
        self._readers = ThreadPoolExecutor(_NUM_READERS, "funit-pictures")
        self.num_admitted = 0
        """Pictures that wait or are computed."""
        self._num_arriving = 0
        self._preloading: Future[LoadedModel] | None = None

    def preload(self) -> None:
        """Begins to open the default model."""
        if self._preloading is None:
            self._preloading = self.models.coming(self.default_model)

    def ready(self) -> bool:
        """Whether the default model is open; it begins to be. UserError where it cannot be."""
        self.preload()
        opening = self._preloading
        if opening is None or not opening.done():
            return False
        try:
            opening.result()
        except UserError:
            self._preloading = None  # it may be published meanwhile
            raise
        return True

    def close(self) -> None:
        """Ends the threads; what waits is cancelled."""
        self.batcher.close()
        self.models.close()
        self._readers.shutdown(cancel_futures=True)

    async def model(self, name: str | None = None) -> LoadedModel:
        """The model, ready to be used; raises NotThereError."""
        name = name or self.default_model
        if found := self.models.at_once(name):
            return found
        # a request that is given up must not take the model from the others that wait for it
        return await asyncio.shield(asyncio.wrap_future(self.models.coming(name)))

    async def encode_examples(self, model: LoadedModel, examples: Sequence[Picture]) -> list[Look]:
        """The look of each example by itself."""
        with self._admitted(len(examples)):
            keys = [_key(model, example) for example in examples]
            looks = {key: self.looks.get(key) for key in keys}
            self._count_cached("examples", list(looks.values()))
            missing = {
                key: example
                for key, example in zip(keys, examples, strict=True)
                if looks[key] is None
            }
            images = await self.read(model, list(missing.values()))
            kind = Kind("examples", model.key)
            made = await self._compute(kind, model.encode_examples, images)
            for key, look in zip(missing, made, strict=True):
                self.looks.put(key, look, sum(part.nbytes for part in look))
                looks[key] = look
            return [look for key in keys if (look := looks[key]) is not None]

    async def translate(
        self, model: LoadedModel, poses: Sequence[Pose], look: Look
    ) -> list[Translation]:
        """Each pose in that look; raises BusyError where there is no room for so many."""
        with self._admitted(len(poses)):
            files = [pose for pose in poses if isinstance(pose, Picture)]
            numbers = [pose.index for pose in poses if isinstance(pose, GalleryPose)]
            translated, drawn = await asyncio.gather(
                self._translate_files(model, files, look),
                self._compute(
                    Kind("poses", model.key), model.draw, [(number, look) for number in numbers]
                ),
            )
        sources: dict[bool, Iterator[Translation]] = {True: iter(translated), False: iter(drawn)}
        return [next(sources[isinstance(pose, Picture)]) for pose in poses]

    async def encode(
        self, images: Sequence[Image.Image], file_format: Format, size: int | None = None
    ) -> list[bytes]:
        """Each picture as a file, resized to `size` pixels a side if asked."""
        start = time.perf_counter()
        if sum((size or image.width) ** 2 for image in images) <= _SMALL:
            files = all_encoded(images, file_format, size)
        else:
            files = await self.in_thread(all_encoded, images, file_format, size)
        self.meter.took("encode", time.perf_counter() - start)
        return files

    async def in_thread(self, function: Callable[..., T], *given: Any) -> T:
        """What the function gives, of the threads for pictures."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, function, *given)

    async def _translate_files(
        self, model: LoadedModel, files: Sequence[Picture], look: Look
    ) -> list[Translation]:
        keys = [_key(model, file) for file in files]
        kept = [self.contents.get(key) for key in keys]
        self._count_cached("contents", kept)
        missing = [file for file, content in zip(files, kept, strict=True) if content is None]
        fresh = iter(await self.read(model, missing))
        contents = [next(fresh) if content is None else content for content in kept]
        answers = await self._compute(
            Kind("contents", model.key), model.translate, [(each, look) for each in contents]
        )
        for key, (_, content) in zip(keys, answers, strict=True):
            # a copy: a row of a batch would keep the whole batch alive
            own = content if content.encoded.base is None else Content(content.encoded.copy())
            self.contents.put(key, own, own.encoded.nbytes)
        return [translation for translation, _ in answers]

    async def read(self, model: LoadedModel, files: Sequence[Picture]) -> list[Image.Image]:
        """The pictures at the model's size."""
        if not files:
            return []
        self._num_arriving += 1
        start = time.perf_counter()
        try:
            return await self.in_thread(_read_pictures, files, model, self.limits.pixels)
        finally:
            self._num_arriving -= 1
            self.meter.took("read", time.perf_counter() - start)

    async def _compute(
        self, kind: Kind, compute: Callable[[Sequence[Any]], Sequence[Any]], given: Sequence[Any]
    ) -> list[Any]:
        """What the model answers; cancelled, what has not begun is dropped."""
        coming = [asyncio.wrap_future(self.batcher.submit(kind, compute, each)) for each in given]
        try:
            return await asyncio.gather(*coming)
        finally:
            for each in coming:
                each.cancel()

    @contextmanager
    def _admitted(self, count: int) -> Iterator[None]:
        """Room for so many; raises BusyError where there is none."""
        if count > self.limits.num_queued:
            raise TooLargeError(
                f"{count} pictures are more than may wait",
                hint=f"send at most {self.limits.num_queued}",
            )
        seconds = self.num_admitted * self.batcher.seconds_each
        is_full = self.num_admitted + count > self.limits.num_queued
        if is_full or seconds > _IN_TIME * self.limits.seconds:
            self.meter.refused()
            after = max(1, math.ceil(seconds))
            raise BusyError(
                f"{self.num_admitted} pictures are before yours",
                hint=f"try again in {after} s",
                headers={"Retry-After": str(after)},
            )
        self.num_admitted += count
        self.meter.waiting(self.num_admitted)
        try:
            yield
        finally:
            self.num_admitted -= count
            self.meter.waiting(self.num_admitted)

    def _others_come(self) -> bool:
        return self._num_arriving > 0

    def _count_cached(self, kind: str, found: Sequence[object | None]) -> None:
        for each in found:
            self.meter.looked_up(kind, hit=each is not None)


def merged(looks: Sequence[Look], weights: Sequence[float] | None = None) -> Look:
    """One look out of several, which may be of different numbers of positions; UserError."""
    shares = shares_of(weights, len(looks))
    counted = [(look, share) for look, share in zip(looks, shares, strict=True) if share > 0]
    return Look(
        np.sum([share * look.class_code for look, share in counted], axis=0, dtype=np.float32),
        np.concatenate([look.keys for look, _ in counted], axis=2),
        np.concatenate([look.values for look, _ in counted], axis=2),
        np.concatenate([look.log_shares + np.log(share) for look, share in counted], axis=1),
    )


def _key(model: LoadedModel, picture: Picture) -> tuple[str, bytes]:
    return model.key, hashlib.sha256(picture.file).digest()


def _read_pictures(
    files: Sequence[Picture], model: LoadedModel, max_pixels: int
) -> list[Image.Image]:
    size, background = model.image_size, model.translator.config.data.background
    return [
        fit(read_image(each.file, background, max_pixels, name=each.name, shortest=2 * size), size)
        for each in files
    ]
