"""Every setting: frozen pydantic models, one for each part, and the presets.

A run's settings are a preset, then a YAML or JSON file, then `--set part.name=value`, each over the
one before. Defaults are the paper's (FUNIT, arXiv 1905.01723); where the paper is silent, a comment
says whose value it is.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from funit.errors import UserError

Settings = dict[str, Any]  # as in a YAML file: {"model": {"image_size": 64}, ...}

Positive = Annotated[int, Field(gt=0)]
Byte = Annotated[int, Field(ge=0, le=255)]
Weight = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """A frozen group of settings; unknown names and values of the wrong type are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    taken_out: ClassVar[Mapping[str, Any]] = {}
    # settings of earlier versions, and where they were off: so files of then can be read

    @model_validator(mode="before")
    @classmethod
    def _without_taken_out(cls, given: Any) -> Any:
        return cls.remaining(given) if isinstance(given, Mapping) else given

    @classmethod
    def remaining(cls, given: Mapping[str, Any]) -> Settings:
        """The settings given, without those that were taken out and are off."""
        off = object()
        return {k: v for k, v in given.items() if cls.taken_out.get(k, off) != v}


class ModelConfig(Section):
    """The shape of the generator and of the discriminator."""

    num_classes: Annotated[int, Field(ge=2)]
    """Training classes; the discriminator scores each one."""

    image_size: Annotated[int, Field(ge=16, le=1024)] = 128
    """Height and width of every image, pixels."""

    base_channels: Positive = 64
    """Channels after the generator's first convolutions; doubled with every halving."""

    num_halvings: Annotated[int, Field(ge=1, le=6)] = 3
    """How often the content encoder halves the image; the image decoder doubles as often."""

    num_residual_blocks: Annotated[int, Field(ge=1)] = 2
    """Residual blocks of the content encoder, and AdaIN residual blocks of the image decoder."""

    class_encoder_halvings: Annotated[int, Field(ge=1, le=8)] = 4
    """How often the class encoder halves an example; the first two halvings double its channels."""

    plain_background: bool = False
    """The images show something on a plain background, the median of their border: the encoders
    are shown grey instead, and what is drawn is laid over the content image's background."""

    pose_code_size: Positive | None = None
    """Numbers that a content map is narrowed to, too few to hold more than the pose: the shape of a
    class then has to come from the examples. None: it is not narrowed, as in the paper."""

    class_code_size: Positive = 64
    """Numbers in a class code."""

    mlp_size: Positive = 256
    """Width of the AdaIN decoder's two hidden layers."""

    upsampling_kernel_size: Literal[3, 5] = 5
    """Kernel of the convolution after each doubling."""

    upsampling_norm: Literal["instance", "adain"] = "instance"
    """After each doubling: the paper's instance norm, or AdaIN there too."""

    attention_channels: Positive | None = None
    """Numbers in a key: each position of the content finds the positions of the examples that show
    the same, and their look is drawn there. None: the class code alone, as in the paper."""

    attention_doublings: Annotated[int, Field(ge=0, le=2)] = 1
    """Attention works at the height and width of the content map, or after one or two doublings:
    what it finds is finer, and each doubling makes it 16 times as costly."""

    attention_pixels: bool = False
    """The attention, if there is any, finds the examples' pixels, not their mean colours alone, and
    each pixel of the drawing is mixed with the one found there, by a share drawn with it."""

    attention_overlap: bool = False
    """Each position finds the pixels around it, too, as far as the middle of the next ones. Where
    they overlap the nearest counts most."""

    discriminator_channels: Positive = 64
    """Channels after the discriminator's first convolution; doubled at every scale."""

    discriminator_halvings: Annotated[int, Field(ge=1, le=8)] = 4
    """How often the discriminator halves the image."""

    discriminator_max_channels: Positive = 1024
    """The discriminator's channels are never more."""

    discriminator_blocks: Annotated[int, Field(ge=1)] = 2
    """Residual blocks at each scale but the last, which has two."""

    discriminator_head: Literal["patch", "pooled"] = "patch"
    """A map of patch scores, or one score an image: global average pooling, then linear [0026]."""

    discriminator_norm: bool = False
    """Instance normalisation with a learned affine map in the discriminator (claim 3)."""

    discriminator_features: Literal["pixels", "frozen", "both"] = "pixels"
    """What is judged: the image; what a frozen EfficientNet-lite2 sees in it, without a gradient
    penalty; or both, by a discriminator each (Projected GAN, Sauer et al., 2021)."""

    max_bytes: Positive | None = None
    """Refuse a model whose generator's weights need more bytes in 32 bits [0044]."""

    taken_out = {
        "example_attention": False,
        "content_conditioned_code": False,
        "discriminator_spectral_norm": False,
    }

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        deepest = max(self.num_halvings, self.discriminator_halvings)
        step = 2**self.num_halvings
        if self.image_size % step:
            raise UserError(
                f"`model.image_size` {self.image_size} cannot be halved {self.num_halvings} times",
                hint=f"choose a multiple of {step}, e.g. {self.image_size // step * step or step}",
            )
        if self.image_size < 2 ** (deepest + 1):
            raise UserError(
                f"`model.image_size` {self.image_size} is too small to be halved {deepest} times: "
                "reflection padding needs at least 2 x 2",
                hint=f"choose at least {2 ** (deepest + 1)}, or lower `model.num_halvings` and "
                "`model.discriminator_halvings`",
            )
        if self.image_size < 2**self.class_encoder_halvings:
            raise UserError(
                f"`model.image_size` {self.image_size} is too small for "
                f"`model.class_encoder_halvings` {self.class_encoder_halvings}",
                hint=f"choose at least {2**self.class_encoder_halvings}",
            )
        if self.attention_channels is not None:
            self._check_attention()
        return self

    @property
    def finds_pixels(self) -> bool:
        """Whether there is an attention, and it finds pixels."""
        return self.attention_pixels and self.attention_channels is not None

    @property
    def pixels_overlap(self) -> bool:
        """Whether it finds pixels that overlap."""
        return self.finds_pixels and self.attention_overlap

    def _check_attention(self) -> None:
        doublings = self.attention_doublings
        if doublings > self.num_halvings:
            raise UserError(
                f"`model.attention_doublings` {doublings} is more than `model.num_halvings` "
                f"{self.num_halvings}",
                hint=f"choose at most {self.num_halvings}",
            )
        if self.base_channels * 2**self.num_halvings % 4**doublings:
            least = 4**doublings // 2**self.num_halvings
            raise UserError(
                f"`model.base_channels` {self.base_channels} is no multiple of {least}, which the "
                f"attention needs after {doublings} doublings of {self.num_halvings}",
                hint=f"choose {-(-self.base_channels // least) * least}, or set "
                "`model.attention_doublings` to 0",
            )
        if self.pixels_overlap and doublings == self.num_halvings:
            raise UserError(
                "`model.attention_overlap` needs positions of more than one pixel, and "
                f"`model.attention_doublings` {doublings} is all of `model.num_halvings`",
                hint="set it to false, or choose fewer doublings",
            )
        if self.class_encoder_halvings < self.num_halvings:
            raise UserError(
                f"`model.class_encoder_halvings` {self.class_encoder_halvings} is less than "
                f"`model.num_halvings` {self.num_halvings}, which the attention cannot use",
                hint=f"choose at least {self.num_halvings}",
            )


class DataConfig(Section):
    """How files become training images."""

    resize_ratio: Annotated[float, Field(ge=1, le=2)] = 140 / 128
    """The shortest side is resized to this times `model.image_size` before the random crop."""

    shuffle: bool = True
    """Draw content images at random, each class as likely as any other; `false`: one after another
    in the order of the data, each once a pass. Examples are drawn at random all the same. [0043]"""

    flip: bool = True
    """Mirror half of the images."""

    recolour: bool = False
    """Turn the colours of each content image at random, but for its background, the median of its
    border: only the examples can then tell them."""

    turn_hues: Annotated[float, Field(ge=0, le=1)] = 0.0
    """In this share of the samples, turn the hues of each class at random, alike in all of its
    images there: more looks to learn from than there are classes."""

    mix_classes: Annotated[float, Field(ge=0, le=1)] = 0.0
    """In this share of the samples, where the pose is sure, put the lower part of another class's
    images under the upper part of a class's own, alike in all of them: more looks still. For data
    of classes in the same poses, on a plain background; needs `training.twins`."""

    bend: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Bend each content image at random, moving points by up to this times its size: only the
    examples can then tell the shape of a part, and the content where it is."""

    num_unseen: Annotated[int, Field(ge=0)] = 0
    """Classes kept back from training where DATA has no `unseen` part; drawn with the seed."""

    background: tuple[Byte, Byte, Byte] = (255, 255, 255)
    """What shows through transparent pixels: red, green, blue in 0..255."""


class TrainingConfig(Section):
    """How the networks learn, when to stop, log and save; progress is counted in images seen."""

    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] = 0
    """Of the initial weights, the batches and everything else that is drawn."""

    batch_size: Positive = 64
    """Content images a step, over all processes together."""

    shots: Positive | tuple[Positive, Positive] = 1
    """Example images of each class code: K, or [lowest, highest] to draw K anew for every batch."""

    reconstruct_from: Literal["itself", "class"] = "itself"
    """Whose class code reconstructs an image: its own (the paper), or other images of its class."""

    back_translation: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the reconstructions that start from the image's translation instead of the image."""

    twins: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the reconstructions that start from the image's twin: that of another class whose
    pose code, or content map, is nearest to its own. For data of classes in the same poses."""

    twins_among: Positive | None = None
    """Other classes, drawn for each image, among which its twin is looked for; None: all. Few where
    every class shows every pose: the nearest of all has nearly the same shape."""

    twins_from_images: Annotated[int, Field(ge=0)] = 20_000
    """Before so many images the poses are known too badly to find twins."""

    twins_every_images: Positive = 50_000
    """Images after which twins are found anew."""

    adversarial_from_images: Annotated[int, Field(ge=0)] | None = 0
    """Before so many images only the reconstruction is learned, at half of the cost or less. None:
    the discriminator never takes part."""

    optimizer: Literal["rmsprop", "adam"] = "rmsprop"
    """RMSProp is the paper's; Adam runs with betas (0, 0.99)."""

    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """Of both networks."""

    discriminator_learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Of the discriminator alone. None: the same."""

    learning_rate_decay_images: Positive | None = None
    """Both learning rates fall to a tenth up to so many images, as half a cosine. None: never."""

    weight_decay: Weight = 1e-4
    """Of both networks."""

    precision: Literal["fp32", "bf16"] = "fp32"
    """Of the networks' passes; losses, the gradient penalty and the weights are always in 32 bits.
    bf16 pays for wide networks, on GPUs and on CPUs that compute in it."""

    penalty_every: Positive = 1
    """Steps between gradient penalties; each is multiplied by this number."""

    average_half_life: Annotated[float, Field(gt=0)] = 44_000
    """Images after which a weight's share in the moving average is halved: 0.999 a step at 64."""

    average_ramp_up: Annotated[float, Field(gt=0)] = 0.1
    """The half-life is at most this times the images seen, so that early averages are not stale."""

    max_images: Positive | None = 6_400_000
    """Stop after so many content images in the whole run: 100,000 steps of 64."""

    max_passes: Annotated[float, Field(gt=0)] | None = None
    """Stop after so many passes over the data."""

    max_minutes: Annotated[float, Field(gt=0)] | None = None
    """Stop this call after so many minutes."""

    patience_images: Positive | None = None
    """Convergence: stop when the reconstruction loss found no new low in so many images."""

    log_every_images: Positive = 1_000
    """Images between lines of metrics.jsonl (there is one every 10 seconds in any case)."""

    sample_every_images: Positive = 10_000
    """Images between sample grids, curves and alarms."""

    checkpoint_every_images: Positive = 10_000
    """Images between checkpoints."""

    keep_checkpoints: Annotated[int, Field(ge=2)] = 2
    """Older checkpoints are removed."""

    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, or `auto`: a GPU if there is one."""

    num_threads: Positive | None = None
    """CPU threads of PyTorch; by default its own choice."""

    compile: Literal["auto", "always", "never"] = "auto"
    """Compile the generator before the first step; where that fails it stays as it is. `auto`: on a
    GPU alone."""

    tensorboard: bool = False
    """Write TensorBoard events too (extra `tensorboard`)."""

    taken_out = {"momentum": 0, "adversarial_loss": "hinge", "augment": 0, "augment_target": None}

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.shots_range
        if low > high:
            raise UserError(
                f"`training.shots` [{low}, {high}] runs backwards", hint=f"write [{high}, {low}]"
            )
        return self

    def is_adversarial(self, images: int) -> bool:
        """Whether the discriminator takes part after so many images."""
        start = self.adversarial_from_images
        return start is not None and images >= start

    @property
    def shots_range(self) -> tuple[int, int]:
        """The lowest and the highest K."""
        return self.shots if isinstance(self.shots, tuple) else (self.shots, self.shots)


TRAINING_NETWORK = "efficientnet_lite2"  # evaluations judge by EfficientNet-lite0


class LossWeights(Section):
    """What each term counts in the sum that is minimised."""

    adversarial: Weight = 1.0
    """Of the hinge loss, for both networks."""

    reconstruction: Weight = 0.1
    """Of the mean absolute difference between an image and its reconstruction."""

    feature_matching: Weight = 1.0
    """Of the mean absolute difference between the discriminator's features (docs/losses.md)."""

    gradient_penalty: Weight = 10.0
    """Of the mean squared gradient of each image's own score (docs/losses.md)."""

    perceptual: Weight = 0.0
    """Of the distance between an image and its reconstruction as a frozen EfficientNet-lite2 sees
    them (docs/losses.md)."""

    attention: Weight = 5.0
    """Of the mean absolute difference between an image's colours and those that the attention, if
    there is any, finds in other images of its class (docs/losses.md)."""

    opacity: Weight = 1.0
    """Of the cross-entropy between what hides the background, where it is plain, and what should
    (docs/losses.md)."""

    taken_out = {"reconstruction_late": None, "code_classification": 0, "code_contrast": 0}


class Config(Section):
    """All settings of a run."""

    model: ModelConfig
    data: DataConfig = DataConfig()
    training: TrainingConfig = TrainingConfig()
    weights: LossWeights = LossWeights()

    @model_validator(mode="after")
    def _mixable(self) -> Self:
        if self.data.mix_classes and not self.training.twins:
            raise UserError(
                f"`data.mix_classes` {self.data.mix_classes} needs to know which images of two "
                "classes show the same pose",
                hint="set `training.twins`, or leave it at 0",
            )
        return self

    @property
    def feature_networks(self) -> tuple[str, ...]:
        """The frozen networks that the training looks through: the same must not judge it."""
        looks_through = self.weights.perceptual or self.model.discriminator_features != "pixels"
        return (TRAINING_NETWORK,) if looks_through else ()


# Settings that may differ when a run goes on: they change when and where, not what is computed.
RESUMABLE = frozenset(
    f"training.{name}"
    for name in (
        "max_images",
        "max_passes",
        "max_minutes",
        "patience_images",
        "log_every_images",
        "sample_every_images",
        "checkpoint_every_images",
        "keep_checkpoints",
        "device",
        "num_threads",
        "compile",
        "tensorboard",
    )
)

PAPER: Settings = {}  # the defaults are the paper's

SMALL: Settings = {  # 64 px, learns in an hour on two CPU cores
    "model": {
        "image_size": 64,
        "base_channels": 16,
        "mlp_size": 128,
        "plain_background": True,
        "class_encoder_halvings": 4,
        "upsampling_kernel_size": 3,
        "upsampling_norm": "adain",
        "attention_channels": 32,
        "attention_pixels": True,
        "attention_overlap": True,
        "discriminator_channels": 16,
        "discriminator_halvings": 3,
        "discriminator_max_channels": 128,
        "discriminator_blocks": 1,
    },
    "data": {"resize_ratio": 1.0, "recolour": True, "bend": 0.05},
    "training": {
        "batch_size": 8,
        "shots": 2,
        "reconstruct_from": "class",
        "back_translation": 0.5,
        "adversarial_from_images": None,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "weight_decay": 0.0,
        "penalty_every": 8,
        "average_half_life": 2_000,
        "max_images": 100_000,
        "sample_every_images": 5_000,
        "checkpoint_every_images": 5_000,
    },
    "weights": {"reconstruction": 10.0, "perceptual": 5.0},
}


LIGHT: Settings = {  # the paper's training and size, in a fifteenth of the time
    "model": {
        "base_channels": 8,
        "num_halvings": 4,
        "mlp_size": 128,
        "upsampling_kernel_size": 3,
        "upsampling_norm": "adain",
        "attention_channels": 32,
        "discriminator_channels": 16,
    },
}

PRESETS = {"paper": PAPER, "small": SMALL, "light": LIGHT}


def preset(name: str) -> Settings:
    """The settings of the preset `paper`, `small` or `light`; raises UserError for other names."""
    if name not in PRESETS:
        raise UserError(
            f"no preset is called `{name}`", hint="there are `paper`, `small` and `light`"
        )
    return PRESETS[name]


def merged(*layers: Mapping[str, Any]) -> Settings:
    """The settings of all layers, a later one over an earlier one."""
    result: Settings = {}
    for layer in layers:
        for name, value in layer.items():
            if isinstance(value, Mapping):
                below = result.get(name)
                value = merged(below if isinstance(below, Mapping) else {}, value)
            result[name] = value
    return result


def read_settings(path: Path) -> Settings:
    """The settings in a YAML or JSON file; raises UserError where there is no such mapping."""
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no file `{path}`", hint="check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise UserError(
            f"`{path}` cannot be read as YAML or JSON: {str(error).splitlines()[0]}",
            hint="it should look like a run's config.yaml",
        ) from None
    settings = {} if settings is None else settings
    if not isinstance(settings, dict):
        raise UserError(f"`{path}` holds no settings", hint="write e.g. `model: {image_size: 64}`")
    return {part: {} if values is None else values for part, values in settings.items()}


def parse_assignments(assignments: Iterable[str]) -> Settings:
    """The settings of `--set part.name=value` options; values are YAML. Raises UserError."""
    settings: Settings = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        part, dot, field = name.strip().partition(".")
        if not (equals and dot):
            raise UserError(
                f"`--set {assignment}` is no assignment",
                hint="write `--set training.batch_size=32`",
            )
        try:
            parsed = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(
                f"the value of `--set {assignment}` is not YAML", hint="quote it"
            ) from None
        settings = merged(settings, {part: {field: parsed}})
    return settings


def build_config(settings: Settings) -> Config:
    """A checked Config; raises UserError that names the setting, its value and what is allowed."""
    _reject_unknown(settings)
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        # a union adds its branch's name to the path: the setting is the first two words
        name = ".".join(str(word) for word in first["loc"][:2])
        given = "" if first["type"] == "missing" else f" {first['input']!r}"
        raise UserError(
            f"`{name}`{given} is not valid: {first['msg'][0].lower()}{first['msg'][1:]}",
            hint=_caption(name),
        ) from None


def setting_names() -> dict[str, str]:
    """Every setting as `part.name`, with its caption."""
    return {
        f"{part}.{name}": (field.description or "").replace("\n", " ")
        for part, section in Config.model_fields.items()
        for name, field in _section(section.annotation).model_fields.items()
    }


def flat(config: Config) -> dict[str, Any]:
    """Every setting as `part.name` with its value, in the types that JSON and YAML have."""
    return {
        f"{part}.{name}": value
        for part, section in config.model_dump(mode="json").items()
        for name, value in section.items()
    }


def to_yaml(config: Config) -> str:
    """The whole config as YAML, in the order of the fields."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def to_json(config: Config) -> str:
    """The whole config as JSON on one line."""
    return json.dumps(config.model_dump(mode="json"))


def _section(annotation: Any) -> type[Section]:
    assert isinstance(annotation, type)
    assert issubclass(annotation, Section)
    return annotation


def _caption(name: str) -> str:
    caption = setting_names().get(name, "")
    return f"{name} is: {caption[0].lower()}{caption[1:]}" if caption else "see docs/settings.md"


def _reject_unknown(settings: Settings) -> None:
    known = setting_names()
    for part, section in settings.items():
        if part not in Config.model_fields:
            raise UserError(
                f"there are no settings `{part}`", hint=_nearest(part, Config.model_fields)
            )
        if not isinstance(section, Mapping):
            raise UserError(f"`{part}` holds no settings", hint=f"write `{part}: {{name: value}}`")
        kind = _section(Config.model_fields[part].annotation)
        for field in kind.remaining(section):
            name = f"{part}.{field}"
            if field in kind.taken_out:
                raise UserError(
                    f"there is no setting `{name}` any more",
                    hint=f"leave it out, as if it were {json.dumps(kind.taken_out[field])}: "
                    "docs/recipe.md says what it was worth",
                )
            if name not in known:
                raise UserError(f"there is no setting `{name}`", hint=_nearest(name, known))


def _nearest(name: object, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.4)
    return f"did you mean `{close[0]}`?" if close else f"there are {', '.join(known)}"
