"""The trials of the recipe: what each sets over the preset `small`.

All but those of the adversarial part learn by reconstruction alone, which decides the error within
the minutes that a trial has.
"""

from collections.abc import Mapping, Sequence

_ADVERSARIAL_AT_ONCE = ["training.adversarial_from_images=0"]
_FAST = ["training.learning_rate=1e-3"]
_ADVERSARIAL = [*_FAST, "training.adversarial_from_images=5000"]
_TWINS = [
    "training.twins=1",
    "training.twins_among=4",
    "training.back_translation=0",
    "data.recolour=false",
    "data.bend=0",
]
_FINE = ["model.num_halvings=2", "model.attention_doublings=0"]  # at 64 px
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

TRIALS: Mapping[str, list[str]] = {
    "small": [],
    "shots-1-to-5": ["training.shots=[1,5]"],
    # how fast it learns; from here on over a higher rate
    "fast": _FAST,
    "rate-2e-3": ["training.learning_rate=2e-3"],
    "fast-rmsprop": [*_FAST, "training.optimizer=rmsprop"],
    "fast-momentum-0.9": [*_FAST, "training.momentum=0.9"],
    "fast-decay": [*_FAST, "training.learning_rate_decay_images=20000"],
    "fast-batch-4": [*_FAST, "training.batch_size=4"],
    "fast-batch-16": [*_FAST, "training.batch_size=16"],
    "fast-half-life-500": [*_FAST, "training.average_half_life=500"],
    "fast-half-life-8000": [*_FAST, "training.average_half_life=8000"],
    # what is shown, and what is reconstructed from it
    "fast-shots-1": [*_FAST, "training.shots=1"],
    "fast-itself": [*_FAST, "training.reconstruct_from=itself"],
    "fast-no-back-translation": [*_FAST, "training.back_translation=0"],
    "fast-back-translation-1": [*_FAST, "training.back_translation=1"],
    "fast-no-recolour": [*_FAST, "data.recolour=false"],
    "fast-no-bend": [*_FAST, "data.bend=0"],
    "fast-bend-0.02": [*_FAST, "data.bend=0.02"],
    # the losses
    "fast-no-perceptual": [*_FAST, "weights.perceptual=0"],
    "fast-code-classification": [*_FAST, "weights.code_classification=0.5"],
    "fast-code-contrast": [*_FAST, "weights.code_contrast=0.5"],
    # where the look is, and how it is drawn
    "fast-no-attention": [*_FAST, "model.attention_channels=null"],
    "fast-attention-4x": [*_FAST, "model.attention_doublings=2"],
    "fast-no-adain-doublings": [*_FAST, "model.upsampling_norm=instance"],
    "fast-class-code-128": [*_FAST, "model.class_code_size=128"],
    "fast-weighed-examples": [*_FAST, "model.example_attention=true"],
    "fast-conditioned-code": [*_FAST, "model.content_conditioned_code=true"],
    "fast-drawn-background": [*_FAST, "model.plain_background=false"],
    # width, depth and how fine the content map is
    "fast-base-24": [*_FAST, "model.base_channels=24"],
    "fast-blocks-4": [*_FAST, "model.num_residual_blocks=4"],
    "fast-fine": [*_FAST, *_FINE],
    "fast-fine-base-24": [*_FAST, *_FINE, "model.base_channels=24"],
    "fast-coarse-to-fine": _FAST,
    # the shape of a class, out of the content map
    "fast-code-24": [*_FAST, "model.pose_code_size=24"],
    "fast-code-40": [*_FAST, "model.pose_code_size=40"],
    "fast-code-64": [*_FAST, "model.pose_code_size=64"],
    "fast-twins-from-5000": [*_FAST, *_TWINS, "training.twins_from_images=5000"],
    "fast-twins-from-1000": [*_FAST, *_TWINS, "training.twins_from_images=1000"],
    "fast-half-twins": [
        *_FAST,
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
    "adversarial": _ADVERSARIAL,
    "adversarial-relativistic": [*_ADVERSARIAL, "training.adversarial_loss=relativistic"],
    "adversarial-spectral": [*_ADVERSARIAL, "model.discriminator_spectral_norm=true"],
    "adversarial-projection": [*_ADVERSARIAL, "model.discriminator_head=projection"],
    "adversarial-frozen": [*_ADVERSARIAL, "model.discriminator_features=frozen"],
    "adversarial-both": [*_ADVERSARIAL, "model.discriminator_features=both"],
    "adversarial-augmented": [*_ADVERSARIAL, "training.augment=0.2"],
    "adversarial-adaptive": [*_ADVERSARIAL, "training.augment_target=0.6"],
    "adversarial-penalty-1": [*_ADVERSARIAL, "weights.gradient_penalty=1"],
    "adversarial-late-1": [*_ADVERSARIAL, "weights.reconstruction_late=1"],
}

COARSE_SHARES = {"fast-coarse-to-fine": 0.5}  # of the minutes, on images of half the size

JOINED = {"rate-1e-3": "fast"}  # what trials were called before: of the same settings

QUESTIONS: Mapping[str, Sequence[str]] = {  # a table each
    "How fast it learns": [
        "small",
        "fast",
        "rate-2e-3",
        "fast-decay",
        "fast-momentum-0.9",
        "fast-rmsprop",
    ],
    "How many images a step": ["fast", "fast-batch-4", "fast-batch-16"],
    "The moving average": ["fast", "fast-half-life-500", "fast-half-life-8000"],
    "How many examples": ["small", "shots-1-to-5"],
    "One example or two": ["fast", "fast-shots-1"],
    "Whose look reconstructs": ["fast", "fast-itself"],
    "Back-translation": ["fast", "fast-no-back-translation", "fast-back-translation-1"],
    "Recolouring": ["fast", "fast-no-recolour"],
    "Bending the pose image": ["fast", "fast-no-bend", "fast-bend-0.02"],
    "Attention": ["fast", "fast-no-attention", "fast-attention-4x"],
    "AdaIN while doubling": ["fast", "fast-no-adain-doublings"],
    "The class code": [
        "fast",
        "fast-class-code-128",
        "fast-weighed-examples",
        "fast-conditioned-code",
        "fast-code-classification",
        "fast-code-contrast",
    ],
    "The background": ["fast", "fast-drawn-background"],
    "Width and depth": ["fast", "fast-base-24", "fast-blocks-4"],
    "How fine the content map is": ["fast", "fast-fine", "fast-fine-base-24"],
    "Coarse to fine": ["fast", "fast-coarse-to-fine"],
    "A pose code": ["fast", "fast-code-24", "fast-code-40", "fast-code-64"],
    "Twins": ["fast", "fast-twins-from-5000", "fast-twins-from-1000", "fast-half-twins"],
    "The perceptual loss": ["fast", "fast-no-perceptual"],
    "The adversarial part": [
        "fast",
        "adversarial",
        "adversarial-relativistic",
        "adversarial-spectral",
        "adversarial-projection",
        "adversarial-frozen",
        "adversarial-both",
        "adversarial-augmented",
        "adversarial-adaptive",
        "adversarial-penalty-1",
        "adversarial-late-1",
    ],
    "The paper's batch and penalty": [
        "paper-batch-4",
        "paper-batch-8",
        "paper-batch-16",
        "paper-penalty-1",
        "paper-penalty-0.1",
    ],
}
PLOTTED = ("small", "fast", "fast-no-bend", "fast-no-perceptual", "fast-fine")
OURS, PAPERS = ("small", "fast"), tuple(name for name in TRIALS if name.startswith("paper-"))
