"""What a training takes over from the model that it starts from: settings, then weights."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from funit.config import RESUMABLE, SMALL, Config, ModelConfig, Settings, build_config, merged
from funit.config import preset as preset_settings
from funit.errors import UserError
from funit.model.discriminator import Discriminator
from funit.model.generator import Generator
from funit.model.parent import Parent
from funit.training.checkpoint import Tensors
from funit.training.widening import widened, with_overlap, with_pixels

# Settings about the data, the machine and the call that MODEL was trained with
NOT_TAKEN_OVER = RESUMABLE | {"model.num_classes", "data.num_unseen", "training.precision"}

OF_CODE = ("pose_code_size", "image_size")  # what the shapes of a pose code's weights follow


def starting_settings(parent: Parent, preset: str | None, settings: Settings) -> Settings:
    """The settings of a run that starts from a model, with `settings` over them.

    Those of the networks are the model's. So are all others that say what is computed, unless a
    preset is named. The warm-up without a discriminator is what the model had left of it. Raises
    UserError where a setting would change the shape of a weight, unless it widens the generator or
    gives it a pose code, the examples' pixels, or their overlap.
    """
    own = _taken_over(parent.config)
    if preset is None:  # of what is not taken over, that of `small`
        start = merged({"training": SMALL["training"]}, own)
    else:
        start = merged(preset_settings(preset), {"model": own["model"]})
    warm_up = parent.config.training.adversarial_from_images
    features = merged(start, settings)["model"]["discriminator_features"]
    if kept_discriminator(parent, features) is not None and warm_up is not None:
        left = max(0, warm_up - parent.images)
        start = merged(start, {"training": {"adversarial_from_images": left}})
    wanted = merged(start, settings)
    _check_shapes(parent, build_config(merged({"model": {"num_classes": 2}}, wanted)).model)
    return wanted


def kept_discriminator(parent: Parent, features: str) -> Path | None:
    """The model's discriminator, if there is one that can judge on for these features.

    One over frozen features is always learned anew: it is little more than rows of classes.
    """
    is_over_pixels = "frozen" not in (features, parent.config.model.discriminator_features)
    return parent.discriminator_path if is_over_pixels else None


def load_parent(
    parent: Parent, wanted: ModelConfig, generator: nn.Module, discriminator: nn.Module, seed: int
) -> None:
    """Gives both networks the model's weights; a discriminator that it lacks stays as drawn.

    A generator with more channels than the model's draws what the model does; the layers of a
    pose code that the model has not, or at another image size, stay as drawn. The rows of the
    new classes are drawn around the mean of the old ones, as far apart as those.
    """
    own = parent.config.model
    try:
        tensors = load_file(parent.generator_path)
        if wanted.finds_pixels and not own.finds_pixels:
            apart = own.model_copy(update={"attention_pixels": True, "attention_overlap": False})
            tensors, own = with_pixels(tensors, own, apart), apart
        if wanted.pixels_overlap and not own.pixels_overlap:
            tensors = with_overlap(tensors, own)
            own = own.model_copy(update={"attention_overlap": True})
        if wanted.base_channels != own.base_channels:
            same = {name: getattr(own, name) for name in OF_CODE}
            tensors = widened(tensors, own, wanted.model_copy(update=same), seed)
        if _has_new_code(own, wanted):
            tensors = _of_code(tensors, False) | _of_code(generator.state_dict(), True)
        generator.load_state_dict(tensors)
        judge = kept_discriminator(parent, wanted.discriminator_features)
        if judge is not None:
            tensors = load_file(judge)
            num_classes = len(discriminator.state_dict()["head.bias"])
            tensors |= _new_rows(tensors, num_classes, seed)
            discriminator.load_state_dict(tensors)
    except (SafetensorError, OSError, KeyError, RuntimeError) as error:
        raise UserError(
            f"the weights of `{parent.given}` cannot be used: {str(error).splitlines()[0]}",
            hint="publish or download it again",
        ) from None


def _has_new_code(own: ModelConfig, wanted: ModelConfig) -> bool:
    is_same = all(getattr(own, name) == getattr(wanted, name) for name in OF_CODE)
    return wanted.pose_code_size is not None and not is_same


def _of_code(tensors: Mapping[str, Tensor], are_wanted: bool) -> Tensors:
    """The weights of the pose code, or all others."""
    of_code = "content_encoder.pose_code."
    return {name: t for name, t in tensors.items() if name.startswith(of_code) == are_wanted}


def _new_rows(tensors: Tensors, num_classes: int, seed: int) -> Tensors:
    """The discriminator's last layer for new classes: (N, C) and (N,).

    The mean of the old rows asks whether a patch is a real image of any class, which holds for the
    new ones too, where rows as at first would ask at random. From the mean alone the rows are slow
    to part: docs/training.md has the losses of all three.
    """
    random = torch.Generator().manual_seed(seed)
    found = {}
    for name in ("head.weight", "head.bias"):
        old = tensors[name].float()
        noise = torch.randn(num_classes, *old.shape[1:], generator=random)
        found[name] = old.mean(dim=0) + old.std(dim=0) * noise
    return found


def _taken_over(config: Config) -> Settings:
    return {
        part: {
            name: value for name, value in section.items() if f"{part}.{name}" not in NOT_TAKEN_OVER
        }
        for part, section in config.model_dump(mode="json").items()
    }


def _check_shapes(parent: Parent, wanted: ModelConfig) -> None:
    """Refuses settings with which the model's weights would not fit.

    The generator may be wider, and have a pose code or pixels that the model has not; those may
    overlap.
    """
    own = parent.config.model.model_copy(update={"num_classes": wanted.num_classes})
    if wanted.finds_pixels and own.attention_channels is not None:
        overlap = own.pixels_overlap or wanted.pixels_overlap
        own = own.model_copy(update={"attention_pixels": True, "attention_overlap": overlap})
    if wanted.base_channels > own.base_channels:
        own = own.model_copy(update={"base_channels": wanted.base_channels})
    if _has_new_code(own, wanted):
        own = own.model_copy(update={name: getattr(wanted, name) for name in OF_CODE})
    judges_on = kept_discriminator(parent, wanted.discriminator_features) is not None
    shapes = _shapes(own, judges_on)
    if _shapes(wanted, judges_on) == shapes:
        return
    for name, value in _changed(own, wanted):
        if _shapes(own.model_copy(update={name: value}), judges_on) != shapes:
            raise UserError(
                f"`model.{name}` {value} does not fit the weights of `{parent.given}`, which has "
                f"{getattr(own, name)}",
                hint="leave it out, or train without `--from`",
            )
    raise AssertionError("one of the settings changes the shapes")


def _changed(own: ModelConfig, wanted: ModelConfig) -> Iterator[tuple[str, Any]]:
    for name in type(own).model_fields:
        if (value := getattr(wanted, name)) != getattr(own, name):
            yield name, value


def _shapes(config: ModelConfig, with_discriminator: bool) -> dict[str, torch.Size]:
    """The shape of each weight that is taken over, counted without making them."""
    with torch.device("meta"):
        networks: list[nn.Module] = [Generator(config)]
        if with_discriminator:
            networks.append(Discriminator(config))
    return {
        f"{index}.{name}": tensor.shape
        for index, network in enumerate(networks)
        for name, tensor in network.state_dict().items()
    }
