"""What is measured answers each pair for itself."""

import numpy as np
import torch

from funit.config import Config, ModelConfig
from funit.engines.torch_engine import TorchEngine
from funit.evaluation.candidates import translations
from funit.evaluation.measured import truth_errors
from funit.evaluation.pairs import Pairs
from funit.model.generator import Generator
from funit.translator import Translator


def test_translations_are_those_of_each_pair_alone(pairs: Pairs, tiny: ModelConfig) -> None:
    torch.manual_seed(0)
    translator = Translator(TorchEngine(Generator(tiny), "cpu"), Config(model=tiny))

    images = translations(translator, pairs)

    assert images.shape == pairs.content.shape
    look = translator.encode_class(list(pairs.examples[3]))
    alone = np.asarray(translator.translate(pairs.content[3], look))
    # a batch adds up in another order: one step of 255 at most
    assert np.abs(images[3].astype(int) - alone).max() <= 1


def test_the_truth_has_no_error(pairs: Pairs) -> None:
    assert pairs.truth is not None
    errors = truth_errors(pairs.truth, pairs)

    assert errors["l1"].max() == errors["l1_foreground"].max() == 0
    assert errors["psnr"].min() == errors["psnr_foreground"].min() == 100
    np.testing.assert_allclose(errors["ssim"], 1)
    np.testing.assert_allclose(errors["ssim_foreground"], 1)
