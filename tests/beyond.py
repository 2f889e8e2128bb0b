"""What trainings can do that the paper does not: settings that must learn, and resume, too."""

from funit.config import Settings

BEYOND: dict[str, Settings] = {  # what the paper does not do, and trials may
    "schedules": {
        "training": {"optimizer": "adam", "momentum": 0.9, "learning_rate_decay_images": 40},
        "weights": {"reconstruction_late": 1.0},
    },
    "augmented": {"training": {"augment": 0.3, "augment_target": 0.6}},
    "relativistic": {"training": {"adversarial_loss": "relativistic"}},
    "code losses": {
        "training": {"reconstruct_from": "class", "optimizer": "adam"},
        "weights": {"code_classification": 1.0, "code_contrast": 1.0},
    },
    "class codes": {"model": {"example_attention": True, "content_conditioned_code": True}},
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
    "spectral": {
        "model": {"discriminator_spectral_norm": True, "discriminator_head": "projection"}
    },
    "frozen features": {
        "model": {"discriminator_features": "frozen"},
        "training": {"precision": "bf16"},
    },
    "both": {"model": {"discriminator_features": "both"}, "training": {"augment": 0.3}},
}
