"""Classification for many clients: a recogniser for each model, classes once for each data set."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import Lock

from PIL import Image

from funit.classification import Classified, KnownClasses, Recogniser
from funit.data.images import is_image_name
from funit.database.schema import DataSetVersion
from funit.service.datasets import add_images, list_classes, open_dataset
from funit.service.errors import BusyError
from funit.service.intake import Upload
from funit.service.services import Services
from funit.translator import Translator

_TURN = Lock()  # one request computes at a time: more would only share the processors


def classify(
    services: Services,
    model: str,
    images: Sequence[Image.Image],
    classes: Mapping[str, Sequence[Image.Image]] | tuple[str, int | None],
    threshold: float,
) -> list[Classified]:
    """The class of each image, out of those that examples, or a data set's version, show.

    Raises BusyError where others compute longer than a request may take.
    """
    path = None if isinstance(classes, Mapping) else open_dataset(services, *classes)
    with _turn(services):
        recogniser = _recogniser(services, model)
        if isinstance(classes, Mapping):
            known = recogniser.learn(classes)
        else:
            assert path is not None
            known = _known(recogniser, path)
        return recogniser.classify(images, known, threshold)


def score(
    services: Services,
    model: str,
    results: Sequence[Image.Image],
    examples: Sequence[Image.Image],
    weights: Sequence[float] | None,
) -> list[float]:
    """How like each translation is to the examples, 0..1; raises BusyError as `classify` does."""
    with _turn(services):
        recogniser = _recogniser(services, model)
        return recogniser.likeness(results, recogniser.learn_one(examples, weights))


def add_classified(
    services: Services,
    dataset: str,
    part: str,
    files: Sequence[Upload],
    found: Sequence[Classified],
) -> DataSetVersion | None:
    """Adds each file that has a class to that class of a data set; None where none has, [0053].

    They are named by their content: the name that a client gives an upload, as `image.png`, would
    claim that images of two classes show one pose. `part` is that of classes which are new.
    """
    parts = {cls: of for of, cls, *_ in list_classes(services, dataset)}
    by_class: dict[str, list[Upload]] = {}
    for (name, file), one in zip(files, found, strict=True):
        if one.cls is not None:
            suffix = Path(name).suffix.lower() if is_image_name(name) else ".png"
            digest = hashlib.sha256(file.read()).hexdigest()[:16]
            file.seek(0)
            by_class.setdefault(one.cls, []).append(Upload(f"{digest}{suffix}", file))
    version = None
    for cls, uploads in by_class.items():
        version, _ = add_images(services, dataset, parts.get(cls, part), cls, uploads)
    return version


@contextmanager
def _turn(services: Services) -> Iterator[None]:
    if not _TURN.acquire(timeout=services.settings.limits.seconds):
        raise BusyError(
            "others are being classified", hint="try again later", headers={"Retry-After": "5"}
        )
    try:
        yield
    finally:
        _TURN.release()


def _recogniser(services: Services, model: str) -> Recogniser:
    """By its weights, not its name: a name may come to mean another version."""
    folder = services.models.find_named(model)
    settings = services.settings.generator
    key = (folder.info.weights_sha256, settings.engine, settings.device)
    if key not in _RECOGNISERS:
        while len(_RECOGNISERS) >= _NUM_RECOGNISERS:
            _RECOGNISERS.pop(next(iter(_RECOGNISERS)))
        translator = Translator.of(folder, settings.device, settings.engine)
        _RECOGNISERS[key] = Recogniser.of(translator, settings.device)
    return _RECOGNISERS[key]


_RECOGNISERS: dict[tuple[str, str, str], Recogniser] = {}
_NUM_RECOGNISERS = 2


@lru_cache(maxsize=8)
def _known(recogniser: Recogniser, path: Path) -> KnownClasses:
    return recogniser.learn_data(path)  # the path has the version's fingerprint
