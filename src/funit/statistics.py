"""What is usual for a model: the statistics of the codes of its training data.

They are measured when a run is published, and kept in model.json: an image whose codes are far from
them is unlike what the model knows (`funit.model.strangeness`).
"""

from collections.abc import Sequence

import numpy as np

from funit.data.images import ImageSource
from funit.data.packed import Packed, find_packed
from funit.engines.choice import TORCH
from funit.engines.engine import Look
from funit.errors import UserError
from funit.model.code_statistics import CodeStatistics
from funit.model.strangeness import Floats, content_codes, look_codes, statistics_of
from funit.model_folder import ModelFolder
from funit.translator import Translator

NUM_IMAGES = 1000  # evenly spaced: more would change the third digit


def training_statistics(found: ModelFolder) -> CodeStatistics | None:
    """The statistics of what a run was trained on; None where its packed data are gone."""
    packed = find_packed(str(found.info.training.data.get("fingerprint", "")))
    if packed is None:
        return None
    return code_statistics(Translator.of(found, engine=TORCH), training_images(packed))


def training_images(packed: Packed, count: int = NUM_IMAGES) -> list[ImageSource]:
    """So many of the images to train on, evenly spaced."""
    images = [(cls, n) for cls in packed.part("seen") for n in range(len(cls))]
    count = min(count, len(images))
    chosen = (images[n * len(images) // count] for n in range(count))
    return [packed.pixels_of(cls, n) for cls, n in chosen]


def code_statistics(translator: Translator, images: Sequence[ImageSource]) -> CodeStatistics:
    """The statistics of these images' codes; UserError unless PyTorch is the engine."""
    return statistics_of(*codes_of(translator, images))


def codes_of(translator: Translator, images: Sequence[ImageSource]) -> tuple[Floats, Floats]:
    """What is compared of images as poses and as looks: (N, D), (N, E). UserError as there."""
    if translator.engine.name != TORCH:
        raise UserError(
            f"`{translator.engine.name}` gives no content maps", hint=f"use the engine `{TORCH}`"
        )
    config = translator.config.model
    maps = np.stack([content.encoded for content in translator.encode_content(images)])
    look = Look.cat(translator.encode_each(images))
    return (
        content_codes(maps, config),
        look_codes(look.class_code, look.keys, look.log_shares),
    )
