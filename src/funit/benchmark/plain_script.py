"""One translation of files as a user of plain PyTorch writes it: the yardstick of a process.

    python -m funit.benchmark.plain_script MODEL CONTENT EXAMPLE OUT

The last line that it prints has the bytes of memory that it needed beyond its imports.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from funit.benchmark.plain import Generator
from funit.benchmark.rounds import MemoryMeter
from funit.config import ModelConfig


def translate(model: Path, content: Path, example: Path, out: Path) -> None:
    """Redraws a file in the look of one example."""
    config = ModelConfig(**json.loads((model / "model.json").read_text())["config"]["model"])
    generator = Generator(config).eval()
    tensors = load_file(model / "weights.safetensors")
    generator.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    with torch.no_grad():
        drawn = generator(read(content, config), read(example, config)[None])
    pixels = ((drawn[0] + 1) * 127.5).round().clamp(0, 255).byte()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(out)


def read(path: Path, config: ModelConfig) -> Tensor:
    """An image file as (1, 3, H, W) in [-1, 1]."""
    image = Image.open(path).convert("RGB").resize((config.image_size, config.image_size))
    pixels = torch.from_numpy(np.array(image))
    return pixels.permute(2, 0, 1)[None] / 127.5 - 1


if __name__ == "__main__":
    meter = MemoryMeter()
    translate(*map(Path, sys.argv[1:]))
    sys.stdout.write(json.dumps({"bytes": meter.most()}) + "\n")
