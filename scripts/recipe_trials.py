"""The trials of the recipe: what each sets over the preset `small`.

Most were made before its attention found pixels: they are beside `mean-colours`. Those beside
`pixels` were made before the pixels overlapped.

All but those of the adversarial part and the paper's learn by reconstruction alone, which
decides the error within the minutes that a trial has.
"""

from collections.abc import Mapping, Sequence

_ADVERSARIAL_AT_ONCE = ["training.adversarial_from_images=0"]
_ADVERSARIAL = ["training.adversarial_from_images=5000"]
_TWINS = [
    "training.twins=1",
    "training.twins_among=4",
    "training.back_translation=0",
    "data.recolour=false",
    "data.bend=0",
]
_FINE = ["model.num_halvings=2", "model.attention_doublings=0"]
_PAPER = [
    *_ADVERSARIAL_AT_ONCE,
    "model.plain_background=false",
    "model.upsampling_kernel_size=5",
    "model.upsampling_norm=instance",
    "model.attention_channels=null",
    "data.resize_ratio=1.09375",
    "data.recolour=false",
    "data.bend=0",
    "training.shots=1",
    "training.reconstruct_from=itself",
    "training.back_translation=0",
    "training.optimizer=rmsprop",
    "training.learning_rate=1e-4",
    "training.weight_decay=1e-4",
    "training.penalty_every=1",
    "weights.reconstruction=0.1",
    "weights.perceptual=0",
]

_WITH_MEAN_COLOURS: Mapping[str, list[str]] = {
    "mean-colours": [],
    # how fast it learns
    "rate-5e-4": ["training.learning_rate=5e-4"],
    "rate-5e-4-shots-1-to-5": ["training.learning_rate=5e-4", "training.shots=[1,5]"],
    "rate-2e-3": ["training.learning_rate=2e-3"],
    "rmsprop": ["training.optimizer=rmsprop"],
    "decay": ["training.learning_rate_decay_images=20000"],
    "batch-4": ["training.batch_size=4"],
    "batch-16": ["training.batch_size=16"],
    "half-life-500": ["training.average_half_life=500"],
    "no-ramp-up": ["training.average_ramp_up=1000"],
    # what is shown, and what is reconstructed from it
    "shots-1": ["training.shots=1"],
    "itself": ["training.reconstruct_from=itself"],
    "no-back-translation": ["training.back_translation=0"],
    "back-translation-1": ["training.back_translation=1"],
    "no-recolour": ["data.recolour=false"],
    "no-bend": ["data.bend=0"],
    "bend-0.02": ["data.bend=0.02"],
    # the losses
    "reconstruction-3": ["weights.reconstruction=3"],
    "reconstruction-30": ["weights.reconstruction=30"],
    "no-perceptual": ["weights.perceptual=0"],
    # where the look is, and how it is drawn
    "no-attention": ["model.attention_channels=null"],
    "no-adain-doublings": ["model.upsampling_norm=instance"],
    "class-code-128": ["model.class_code_size=128"],
    "drawn-background": ["model.plain_background=false"],
    # width and depth
    "base-24": ["model.base_channels=24"],
    "blocks-4": ["model.num_residual_blocks=4"],
    # for as many operations, within 2%
    "wide-shallow": ["model.base_channels=18", "model.num_residual_blocks=1"],
    "narrow-deep": ["model.base_channels=12", "model.num_residual_blocks=6"],
    "fine-mean-colours": _FINE,
    # the shape of a class, out of the content map
    "code-24": ["model.pose_code_size=24"],
    "code-40": ["model.pose_code_size=40"],
    "code-64": ["model.pose_code_size=64"],
    "twins-from-5000": [*_TWINS, "training.twins_from_images=5000"],
    "twins-from-1000": [*_TWINS, "training.twins_from_images=1000"],
    "half-twins": [
        "training.twins=0.5",
        "training.twins_among=4",
        "training.twins_from_images=5000",
    ],
    # the paper's recipe at the same width and size, and its batch sizes and penalties
    "paper-batch-4": [*_PAPER, "training.batch_size=4"],
    "paper-batch-8": _PAPER,
    "paper-batch-16": [*_PAPER, "training.batch_size=16"],
    "paper-penalty-1": [*_PAPER, "weights.gradient_penalty=1"],
    "paper-penalty-0.1": [*_PAPER, "weights.gradient_penalty=0.1"],
    # the adversarial part
    "adversarial-from-24000": ["training.adversarial_from_images=24000"],
    "adversarial": _ADVERSARIAL,
    "adversarial-frozen": [*_ADVERSARIAL, "model.discriminator_features=frozen"],
    "adversarial-both": [*_ADVERSARIAL, "model.discriminator_features=both"],
    "adversarial-penalty-1": [*_ADVERSARIAL, "weights.gradient_penalty=1"],
    "adversarial-penalty-every-step": [*_ADVERSARIAL, "training.penalty_every=1"],
    "adversarial-slower": [*_ADVERSARIAL, "training.discriminator_learning_rate=1e-4"],
    "adversarial-faster": [*_ADVERSARIAL, "training.discriminator_learning_rate=4e-3"],
}

_WITH_PIXELS: Mapping[str, list[str]] = {
    "pixels": [],
    "pixels-no-bend": ["data.bend=0"],
    "pixels-bend-0.02": ["data.bend=0.02"],
    # at 64 px: where it attends, how fine the content map is, and smaller images at first
    "attention-4x": ["model.attention_doublings=2"],
    "fine": _FINE,
    "fine-base-24": [*_FINE, "model.base_channels=24"],
    "coarse-to-fine": [],
    "twins": [*_TWINS, "training.twins_from_images=5000"],
    "twins-turned-hues": [*_TWINS, "training.twins_from_images=5000", "data.turn_hues=0.5"],
    "twins-mixed-classes": [*_TWINS, "training.twins_from_images=5000", "data.mix_classes=0.5"],
}

_APART = "model.attention_overlap=false"
TRIALS: Mapping[str, list[str]] = (
    {
        "small": [],
        "fine-overlap": _FINE,
        "twins-overlap": [*_TWINS, "training.twins_from_images=5000"],
    }
    | {name: [_APART, *set_] for name, set_ in _WITH_PIXELS.items()}
    | {
        name: ["model.attention_pixels=false", _APART, *set_]
        for name, set_ in _WITH_MEAN_COLOURS.items()
    }
)

# What these set was worth nothing and is no setting any more: a commit can run them.
TAKEN_OUT = (
    "momentum-0.9",
    "pixels-bend-0.02-momentum-0.9",
    "weighed-examples",
    "conditioned-code",
    "code-classification",
    "code-contrast",
    "adversarial-relativistic",
    "adversarial-spectral",
    "adversarial-projection",
    "adversarial-augmented",
    "adversarial-adaptive",
    "adversarial-late-1",
)
LAST_WITH_ALL = "d225a2f"

COARSE_SHARES = {"coarse-to-fine": 0.5}  # of the minutes, on images of half the size

QUESTIONS: Mapping[str, Sequence[str]] = {  # a table each
    "How fast it learns": [
        "mean-colours",
        "rate-5e-4",
        "rate-2e-3",
        "momentum-0.9",
        "rmsprop",
    ],
    "Momentum beside pixels": ["pixels-bend-0.02", "pixels-bend-0.02-momentum-0.9"],
    "A falling rate": ["mean-colours", "decay"],
    "How many images a step": ["mean-colours", "batch-4", "batch-16"],
    "The moving average": ["mean-colours", "half-life-500", "no-ramp-up"],
    "How many examples": ["rate-5e-4", "rate-5e-4-shots-1-to-5"],
    "One example or two": ["mean-colours", "shots-1"],
    "Whose look reconstructs": ["mean-colours", "itself"],
    "Back-translation": ["mean-colours", "no-back-translation", "back-translation-1"],
    "Recolouring": ["mean-colours", "no-recolour"],
    "More looks than classes": ["twins", "twins-turned-hues", "twins-mixed-classes"],
    "Bending the pose image": ["mean-colours", "no-bend", "bend-0.02"],
    "Bending beside pixels": ["pixels", "pixels-no-bend", "pixels-bend-0.02"],
    "Attention": ["mean-colours", "no-attention", "pixels"],
    "Pixels that overlap": ["pixels", "small"],
    "Where it attends": ["pixels", "attention-4x"],
    "AdaIN while doubling": ["mean-colours", "no-adain-doublings"],
    "The class code": [
        "mean-colours",
        "class-code-128",
        "weighed-examples",
        "conditioned-code",
        "code-classification",
        "code-contrast",
    ],
    "The background": ["mean-colours", "drawn-background"],
    "Width and depth": ["mean-colours", "base-24", "blocks-4"],
    "Width against depth": ["mean-colours", "wide-shallow", "narrow-deep"],
    "How fine the content map is": ["mean-colours", "fine-mean-colours"],
    "How fine it is beside pixels": ["pixels", "fine"],
    "How fine it is beside pixels that overlap": ["small", "fine-overlap"],
    "Width beside a fine content map": ["fine", "fine-base-24"],
    "Coarse to fine": ["pixels", "coarse-to-fine"],
    "A pose code": ["mean-colours", "code-24", "code-40", "code-64"],
    "Twins": [
        "mean-colours",
        "twins-from-5000",
        "twins-from-1000",
        "half-twins",
        "twins",
        "twins-overlap",
    ],
    "The weight of the reconstruction": ["mean-colours", "reconstruction-3", "reconstruction-30"],
    "The perceptual loss": ["mean-colours", "no-perceptual"],
    "The adversarial part": [
        "mean-colours",
        "adversarial-from-24000",
        "adversarial",
        "adversarial-relativistic",
        "adversarial-spectral",
        "adversarial-projection",
        "adversarial-frozen",
        "adversarial-both",
        "adversarial-augmented",
        "adversarial-adaptive",
        "adversarial-penalty-1",
        "adversarial-penalty-every-step",
        "adversarial-late-1",
    ],
    "A learning rate for each network": [
        "adversarial",
        "adversarial-slower",
        "adversarial-faster",
    ],
    "The paper's batch and penalty": [
        "paper-batch-4",
        "paper-batch-8",
        "paper-batch-16",
        "paper-penalty-1",
        "paper-penalty-0.1",
    ],
}
PLOTTED = ("small", "pixels", "mean-colours", "rate-5e-4", "no-perceptual", "fine")
OURS, PAPERS = (
    ("small", "pixels", "mean-colours", "adversarial-from-24000"),
    tuple(name for name in TRIALS if name.startswith("paper-")),
)
