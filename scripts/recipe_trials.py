"""The trials of the recipe: what each sets over the preset `small`.

All but those of the adversarial part learn by reconstruction alone, which decides the error within
the minutes that a trial has.
"""

from collections.abc import Mapping, Sequence

_ADVERSARIAL_AT_ONCE = ["training.adversarial_from_images=0"]
_FAST = ["training.learning_rate=1e-3"]
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
    # what each part of the preset is worth: without it
    "itself": ["training.reconstruct_from=itself"],
    "no-attention": ["model.attention_channels=null"],
    "no-back-translation": ["training.back_translation=0"],
    "no-recolour": ["data.recolour=false"],
    "no-bend": ["data.bend=0"],
    "no-perceptual": ["weights.perceptual=0"],
    "no-adain-doublings": ["model.upsampling_norm=instance"],
    "drawn-background": ["model.plain_background=false"],
    # how it learns
    "shots-1": ["training.shots=1"],
    "shots-1-to-5": ["training.shots=[1,5]"],
    "batch-4": ["training.batch_size=4"],
    "batch-16": ["training.batch_size=16"],
    "rate-2e-4": ["training.learning_rate=2e-4"],
    "fast": _FAST,
    "rate-2e-3": ["training.learning_rate=2e-3"],
    "rmsprop": ["training.optimizer=rmsprop"],
    "perceptual-1": ["weights.perceptual=1"],
    "perceptual-20": ["weights.perceptual=20"],
    "reconstruction-1": ["weights.reconstruction=1"],
    "back-translation-1": ["training.back_translation=1"],
    # over the higher rate
    "fast-no-bend": [*_FAST, "data.bend=0"],
    "fast-bend-0.02": [*_FAST, "data.bend=0.02"],
    "fast-no-perceptual": [*_FAST, "weights.perceptual=0"],
    "fast-momentum-0.9": [*_FAST, "training.momentum=0.9"],
    "fast-decay": [*_FAST, "training.learning_rate_decay_images=20000"],
    "fast-batch-4": [*_FAST, "training.batch_size=4"],
    "fast-batch-16": [*_FAST, "training.batch_size=16"],
    "fast-base-24": [*_FAST, "model.base_channels=24"],
    "fast-attention-4x": [*_FAST, "model.attention_doublings=2"],
    "fast-blocks-4": [*_FAST, "model.num_residual_blocks=4"],
    "fast-fine": [*_FAST, *_FINE],
    "fast-fine-base-24": [*_FAST, *_FINE, "model.base_channels=24"],
    "fast-back-translation-1-no-bend": [
        *_FAST,
        "training.back_translation=1",
        "data.bend=0",
    ],
    # the shape of a class, out of the content map
    "fast-code-24": [*_FAST, "model.pose_code_size=24"],
    "fast-code-40": [*_FAST, "model.pose_code_size=40"],
    "fast-code-64": [*_FAST, "model.pose_code_size=64"],
    "fast-code-40-no-bend": [*_FAST, "model.pose_code_size=40", "data.bend=0"],
    "fast-code-40-back-translation-0": [
        *_FAST,
        "model.pose_code_size=40",
        "training.back_translation=0",
    ],
    "fast-code-40-back-translation-1": [
        *_FAST,
        "model.pose_code_size=40",
        "training.back_translation=1",
    ],
    # width and depth
    "base-24": ["model.base_channels=24"],
    "blocks-4": ["model.num_residual_blocks=4"],
    "code-128": ["model.class_code_size=128"],
    # the paper's recipe at the same width and size, and its batch sizes and penalties
    "paper-batch-4": [*_PAPER, "training.batch_size=4"],
    "paper-batch-8": _PAPER,
    "paper-batch-16": [*_PAPER, "training.batch_size=16"],
    "paper-penalty-1": [*_PAPER, "weights.gradient_penalty=1"],
    "paper-penalty-0.1": [*_PAPER, "weights.gradient_penalty=0.1"],
    # the adversarial part
    "adversarial-from-5000": ["training.adversarial_from_images=5000"],
}

JOINED = {"rate-1e-3": "fast"}  # what trials were called before: of the same settings

QUESTIONS: Mapping[str, Sequence[str]] = {  # a table each
    "How fast it learns": ["small", "fast", "fast-momentum-0.9"],
    "How many examples": ["small", "shots-1-to-5"],
    "Bending the pose image": ["fast", "fast-no-bend"],
    "How fine the content map is": ["fast", "fast-fine"],
    "A pose code": ["fast", "fast-code-24", "fast-code-40", "fast-code-64"],
    "What else a pose code wants": [
        "fast-code-40",
        "fast-code-40-no-bend",
        "fast-code-40-back-translation-0",
        "fast-code-40-back-translation-1",
    ],
    "The perceptual loss": ["fast", "fast-no-perceptual"],
}
PLOTTED = ("small", "fast", "fast-no-bend", "fast-no-perceptual", "fast-fine")
OURS, PAPERS = ("small", "fast"), tuple(name for name in TRIALS if name.startswith("paper-"))
