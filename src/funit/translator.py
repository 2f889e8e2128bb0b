"""The inference API: examples -> look; content + look -> image; files and folders of them.

    translator = Translator.load("default")
    look = translator.encode_class(["fox-1.png", "fox-2.png"])
    image = translator.translate("cat.png", look)

Looks and contents can be made apart, kept, and combined in any pairing.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Self, TypeVar, overload

import numpy as np
from PIL import Image

from funit.config import Config
from funit.data.images import (
    FORMATS,
    ImageSource,
    fit,
    is_image_name,
    read_image,
    to_floats,
    to_image,
    write_image,
)
from funit.engines.choice import AUTO, Weights, open_engine
from funit.engines.engine import Drawn, Engine, Floats, Look
from funit.errors import UserError
from funit.model_folder import ModelFolder
from funit.repository import ModelRepository

BATCH_SIZE = 16  # images at once: enough to keep a processor busy, little memory

T = TypeVar("T")
OnProblem = Callable[[UserError], None]
Opened = Floats | UserError
Check = Callable[[Sequence[Path], Sequence[Image.Image]], Sequence[UserError | None]]
"""What is wrong with each translation of these files, if anything is."""


@dataclass(frozen=True, eq=False)
class Content:
    """What is where in one image."""

    encoded: Floats
    """As the engine that made it keeps it: another engine cannot use it."""


class Translator:
    """Redraws images in the look of classes that examples show."""

    def __init__(self, engine: Engine, config: Config) -> None:
        self.engine = engine
        self.config = config

    @classmethod
    def load(
        cls,
        model: str | Path = "default",
        device: str = AUTO,
        engine: str = AUTO,
        precision: str = "fp32",
    ) -> Self:
        """The translator of a model: its name, NAME@VERSION, its folder, or a run folder.

        `engine` `auto` is `torch` on a GPU, else the first that is installed and ready of
        `onnxruntime`, `openvino`, `torch`. `precision` `bf16` is faster where the processor has
        it, with an error seldom seen; with `fp32` a model exported in other bits computes in those.
        """
        folder = ModelRepository().find(model)
        return cls.of(folder, device, engine, precision)

    @classmethod
    def of(
        cls, folder: ModelFolder, device: str = AUTO, engine: str = AUTO, precision: str = "fp32"
    ) -> Self:
        """The translator of a model that was found."""
        info, graphs = folder.info, folder.graphs
        weights = Weights(
            folder.whole_weights(),
            info.weights_sha256,
            info.config.model,
            folder.whole_graphs if graphs else None,
            graphs.precision if graphs else "fp32",
        )
        return cls(open_engine(weights, engine, device, precision), info.config)

    @property
    def image_size(self) -> int:
        """Height and width of what comes out; what goes in is cropped and resized to it."""
        return self.config.model.image_size

    def encode_class(
        self, images: ImageSource | Sequence[ImageSource], weights: Sequence[float] | None = None
    ) -> Look:
        """The look that example images show together: the mean of theirs, weighted if asked."""
        sources = _several(images)
        if not sources:
            raise UserError("no example image is given", hint="give at least one")
        shares = shares_of(weights, len(sources))
        counted = [source for source, share in zip(sources, shares, strict=True) if share]
        shares = shares[shares > 0]
        if len(counted) <= BATCH_SIZE:
            return self.engine.encode_class(self._read(counted)[None], shares[None])
        singles = Look.cat([self._single_looks(chunk) for chunk in _chunks(counted)])
        return singles.merged(shares)

    def class_codes(self, images: ImageSource | Sequence[ImageSource]) -> Floats:
        """The class code of each image by itself, (N, S): `encode_class` gives their mean."""
        chunks = _chunks(_several(images))
        codes = [self._single_looks(chunk).class_code for chunk in chunks]
        return np.concatenate(codes)

    def encode_each(self, images: Sequence[ImageSource]) -> list[Look]:
        """The look of each example image by itself."""
        looks = [self._single_looks(chunk) for chunk in _chunks(list(images))]
        return [
            Look(*(part[n : n + 1].copy() for part in batch))
            for batch in looks
            for n in range(len(batch.class_code))
        ]

    @overload  # a str is also a sequence of str: it is one image
    def encode_content(self, images: ImageSource) -> Content: ...  # type: ignore[overload-overlap]
    @overload
    def encode_content(self, images: Sequence[ImageSource]) -> list[Content]: ...
    def encode_content(
        self, images: ImageSource | Sequence[ImageSource]
    ) -> Content | list[Content]:
        """The content of an image, or of each of several."""
        contents = [
            Content(encoded)
            for chunk in _chunks(_several(images))
            for encoded in self.engine.encode_content(self._read(chunk))
        ]
        return contents[0] if _is_one(images) else contents

    @overload
    def translate(  # type: ignore[overload-overlap]
        self, content: ImageSource | Content, look: Look
    ) -> Image.Image: ...
    @overload
    def translate(
        self, content: Sequence[ImageSource | Content], look: Look | Sequence[Look]
    ) -> list[Image.Image]: ...
    def translate(
        self,
        content: ImageSource | Content | Sequence[ImageSource | Content],
        look: Look | Sequence[Look],
    ) -> Image.Image | list[Image.Image]:
        """Redraws one image, or several, in one look for all or a look for each."""
        contents = _several(content)
        looks = [look] * len(contents) if isinstance(look, Look) else list(look)
        if len(looks) != len(contents):
            raise UserError(
                f"{len(looks)} looks are given for {len(contents)} images",
                hint="give one look for all, or one for each",
            )
        images = [image for image, _ in self.translate_pairs(contents, looks)]
        return images[0] if _is_one(content) else images

    def translate_pairs(
        self, contents: Sequence[ImageSource | Content], looks: Sequence[Look]
    ) -> list[tuple[Image.Image, Floats]]:
        """Redraws each image in its look; gives its content map, (C, h, w), too."""
        found: dict[int, tuple[Image.Image, Floats]] = {}
        for numbers in _alike(looks):
            drawn = self._decode([contents[n] for n in numbers], [looks[n] for n in numbers])
            images = map(to_image, drawn.images)
            found |= zip(numbers, zip(images, drawn.content_maps, strict=True), strict=True)
        return [found[n] for n in range(len(contents))]

    def draw(self, poses: Floats, look: Look | Sequence[Look]) -> list[Image.Image]:
        """Draws poses of a gallery, (N, C, h, w), in one look for all or a look for each."""
        looks = [look] * len(poses) if isinstance(look, Look) else list(look)
        images: dict[int, Image.Image] = {}
        for numbers in _alike(looks):
            drawn = self.engine.draw(poses[list(numbers)], Look.cat([looks[n] for n in numbers]))
            images |= zip(numbers, map(to_image, drawn), strict=True)
        return [images[n] for n in range(len(poses))]

    def translate_files(
        self,
        paths: Sequence[Path],
        look: Look,
        out: Path,
        *,
        skip_existing: bool = False,
        force: bool = False,
        on_problem: OnProblem | None = None,
        on_skipped: Callable[[Path], None] | None = None,
        is_used: Check | None = None,
    ) -> Iterator[Path]:
        """Redraws image files, and those in folders; yields the path of each as it is written.

        One goes to the file `out`, several to the folder `out`. Nothing that exists is replaced
        without `force`. `on_problem` hears of an image that cannot be read, and the others go on;
        without it, the first one raises UserError. `on_skipped` hears of what `skip_existing` kept.
        What `is_used` finds wrong with a translation is a problem of its image: it is not written.
        """
        planned = _plan(image_files(paths), paths, out)
        if skip_existing:
            planned = _without_existing(planned, on_skipped)
        elif not force:
            _refuse_existing(planned)
        return self._translate_planned(planned, look, on_problem, is_used)

    def _translate_planned(
        self,
        planned: Mapping[Path, Path],
        look: Look,
        on_problem: OnProblem | None,
        is_used: Check | None,
    ) -> Iterator[Path]:
        """While the engine works, the next images are read and the last ones written."""
        coming = _chunks(list(planned.items()))
        with ThreadPoolExecutor(max_workers=2) as pool:
            reading = deque(pool.submit(self._open_files, chunk) for chunk in islice(coming, 1))
            writing: deque[Future[list[Path]]] = deque()
            while reading:
                opened = reading.popleft().result()
                reading.extend(pool.submit(self._open_files, chunk) for chunk in islice(coming, 1))
                # what is ready is told at once, and a slow disk is waited for
                while writing and (writing[0].done() or len(writing) > 1):
                    yield from writing.popleft().result()
                images = _without_problems(opened, on_problem)
                translated = self.translate(self._contents(list(images.values())), look)
                results = dict(zip(images, translated, strict=True))
                if is_used and results:
                    names = [planned[target] for target in results]
                    checked = is_used(names, translated)
                    found = zip(results, translated, checked, strict=True)
                    results = _without_problems({t: e or r for t, r, e in found}, on_problem)
                writing.append(pool.submit(_write_files, results))
            for written in writing:
                yield from written.result()

    def _open_files(self, planned: Sequence[tuple[Path, Path]]) -> dict[Path, Opened]:
        """The image for each target, or what is wrong with it."""
        found: dict[Path, Opened] = {}
        for target, source in planned:
            try:
                found[target] = self._floats(source)
            except UserError as error:
                found[target] = error
        return found

    def _floats(self, source: ImageSource) -> Floats:
        """The middle of an image, at the model's size: (3, H, W)."""
        background, size = self.config.data.background, self.image_size
        return to_floats(fit(read_image(source, background, shortest=2 * size), size))

    def _read(self, sources: Sequence[ImageSource]) -> Floats:
        """Images as (B, 3, H, W)."""
        return np.stack([self._floats(source) for source in sources])

    def _contents(self, images: Sequence[Floats]) -> list[Content]:
        """The contents of images that were read before, not more than fit into a batch."""
        encoded = self.engine.encode_content(np.stack(images)) if images else ()
        return [Content(content) for content in encoded]

    def _single_looks(self, examples: Sequence[ImageSource]) -> Look:
        """The look of each example, as a batch."""
        shares = np.ones((len(examples), 1), np.float32)
        return self.engine.encode_class(self._read(examples)[:, None], shares)

    def _decode(self, contents: Sequence[ImageSource | Content], looks: Sequence[Look]) -> Drawn:
        """Translations of a batch; images among the contents are encoded together."""
        sources = [content for content in contents if not isinstance(content, Content)]
        encoded = iter(self.engine.encode_content(self._read(sources)) if sources else ())
        everything = [c.encoded if isinstance(c, Content) else next(encoded) for c in contents]
        return self.engine.decode(np.stack(everything), Look.cat(looks))


def _without_existing(
    planned: Mapping[Path, Path], on_skipped: Callable[[Path], None] | None
) -> dict[Path, Path]:
    """What is not there yet; `on_skipped` hears of what is."""
    missing = {}
    for target, source in planned.items():
        if not target.exists():
            missing[target] = source
        elif on_skipped:
            on_skipped(target)
    return missing


def _without_problems(
    opened: Mapping[Path, T | UserError], on_problem: OnProblem | None
) -> dict[Path, T]:
    """The images that can be used; `on_problem` hears of the others."""
    images = {}
    for target, image in opened.items():
        if not isinstance(image, UserError):
            images[target] = image
        elif on_problem is None:
            raise image
        else:
            on_problem(image)
    return images


def _write_files(images: Mapping[Path, Image.Image]) -> list[Path]:
    for target, image in images.items():
        write_image(image, target)
    return list(images)


def refusal(score: float, threshold: float, name: str = "the translation") -> UserError | None:
    """What is wrong with a result of that score, if it is below the threshold; [0051]."""
    if score >= threshold:
        return None
    return UserError(
        f"{name} is not used: its score {score:.3f} is below the threshold {threshold:g}",
        hint="show more examples, or ones that are more alike, or lower the threshold",
    )


def image_files(paths: Sequence[Path]) -> list[Path]:
    """The files among the paths, and the images in the folders among them; UserError if none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.iterdir() if is_image_name(file.name))
        else:
            found.append(path)
    if not found:
        where = f" in `{paths[0]}`" if paths else ""
        raise UserError(f"there is no image{where}", hint=f"images end in {', '.join(FORMATS)}")
    return found


def _plan(files: Sequence[Path], paths: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Where each file's translation goes: target -> source."""
    to_file = out.suffix.lower() in FORMATS and not out.is_dir()
    is_single = len(paths) == 1 and not paths[0].is_dir()
    if to_file and is_single:
        return {out: files[0]}
    if to_file or out.is_file():
        raise UserError(
            f"`{out}` is one file, but there are {len(files)} images to write",
            hint="give `--out` a folder",
        )
    planned: dict[Path, Path] = {}
    for file in files:
        target = out / f"{file.stem}.png"
        if target in planned:
            raise UserError(
                f"`{planned[target]}` and `{file}` would both be written to `{target}`",
                hint="translate them in two calls, each to its own `--out`",
            )
        planned[target] = file
    return planned


def _refuse_existing(targets: Iterable[Path]) -> None:
    for target in targets:
        if target.exists():
            raise UserError(
                f"`{target}` exists",
                hint="`--force` replaces it, `--skip-existing` leaves it, or give another `--out`",
            )


def shares_of(weights: Sequence[float] | None, count: int) -> Floats:
    """What each of so many counts, in all 1; raises UserError for weights that do not fit."""
    given = np.array([1.0] * count if weights is None else weights, np.float64)
    if len(given) != count:
        raise UserError(f"{len(given)} weights are given for {count}", hint="give one for each")
    with np.errstate(over="ignore"):
        total = given.sum()  # of large numbers it may be infinite
    if not (np.isfinite(total) and (given >= 0).all() and total > 0):
        raise UserError(
            f"the weights {given.tolist()} cannot be used",
            hint="give numbers that are not negative, at least one above 0, not all huge",
        )
    return (given / total).astype(np.float32)


def _alike(looks: Sequence[Look]) -> Iterator[Sequence[int]]:
    """The numbers of looks that fit into a batch: from as many positions of examples."""

    def num_positions(n: int) -> int:
        return looks[n].keys.shape[2]

    numbers = sorted(range(len(looks)), key=num_positions)
    for _, alike in groupby(numbers, key=num_positions):
        yield from _chunks(list(alike))


def _is_one(images: Any) -> bool:
    return isinstance(images, str | Path | bytes | Image.Image | np.ndarray | Content)


def _several(images: Any) -> list[Any]:
    """The one image, or the sequence of them, as a list."""
    return [images] if _is_one(images) else list(images)


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BATCH_SIZE):
        yield items[start : start + BATCH_SIZE]
