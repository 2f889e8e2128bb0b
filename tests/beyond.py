"""What trainings can do that the paper does not: settings that must learn, and resume, too."""

from funit.config import Settings

BEYOND: dict[str, Settings] = {  # what the paper does not do, and trials may
    "schedules": {
        "training": {"optimizer": "adam", "learning_rate_decay_images": 40},
    },
    "pixels that overlap": {
        "model": {"attention_channels": 4, "attention_pixels": True, "attention_overlap": True}
    },
    "pose code": {"model": {"pose_code_size": 5}},
    "twins": {
        "model": {"pose_code_size": 5},
        "training": {
            "reconstruct_from": "class",
            "twins": 0.5,
            "twins_from_images": 8,
            "twins_every_images": 8,
        },
    },
    "mixed classes": {
        "model": {"pose_code_size": 5},
        "data": {"mix_classes": 0.5},
        "training": {"reconstruct_from": "class", "twins": 1.0, "twins_from_images": 8},
    },
    "frozen features": {
        "model": {"discriminator_features": "frozen"},
        "training": {"precision": "bf16"},
    },
    "both": {"model": {"discriminator_features": "both"}},
}
