import pytest
import torch
import torch.nn.functional as F
from torch import nn

from funit.config import ModelConfig
from funit.model.discriminator import Discriminator, PreActivationBlock

HEADS = pytest.mark.parametrize("head", ["patch", "pooled"])


def test_the_discriminator_has_the_papers_parameters(paper: ModelConfig) -> None:
    with torch.device("meta"):
        discriminator = Discriminator(paper)

    assert sum(p.numel() for p in discriminator.parameters()) == 54_252_599


def test_the_papers_features_are_1024_x_8_x_8(paper: ModelConfig) -> None:
    with torch.device("meta"):
        images, classes = torch.empty(2, 3, 128, 128), torch.zeros(2, dtype=torch.long)
        scores, features = Discriminator(paper)(images, classes)

    assert features.shape == (2, 1024, 8, 8)
    assert scores.shape == (2, 8, 8)


def test_the_papers_ten_blocks_come_in_pairs(paper: ModelConfig) -> None:
    with torch.device("meta"):
        discriminator = Discriminator(paper)

    widths = [
        [(block.conv1.in_channels, block.conv2.out_channels) for block in scale]
        for scale in discriminator.scales
    ]
    assert widths == [
        [(64, 64), (64, 128)],
        [(128, 128), (128, 256)],
        [(256, 256), (256, 512)],
        [(512, 512), (512, 1024)],
        [(1024, 1024), (1024, 1024)],
    ]


@HEADS
def test_the_gathered_row_is_the_score_picked_from_all(tiny: ModelConfig, head: str) -> None:
    discriminator = Discriminator(tiny.model_copy(update={"discriminator_head": head}))
    images, classes = torch.randn(4, 3, 16, 16), torch.tensor([3, 0, 3, 4])

    scores, features = discriminator(images, classes)

    everything = discriminator.score_all(features)
    assert everything.shape[:2] == (4, 5)
    torch.testing.assert_close(scores, everything[torch.arange(4), classes])


@HEADS
def test_only_the_rows_of_the_wanted_classes_get_a_gradient(tiny: ModelConfig, head: str) -> None:
    discriminator = Discriminator(tiny.model_copy(update={"discriminator_head": head}))

    scores, _ = discriminator(torch.randn(2, 3, 16, 16), torch.tensor([1, 3]))
    scores.sum().backward()

    weight, bias = discriminator.head.weight.grad, discriminator.head.bias.grad
    assert weight is not None
    assert bias is not None
    for row in range(5):
        assert weight[row].any().item() is (row in (1, 3))
        assert bias[row].any().item() is (row in (1, 3))


@HEADS
def test_the_classes_have_scores_of_their_own(tiny: ModelConfig, head: str) -> None:
    discriminator = Discriminator(tiny.model_copy(update={"discriminator_head": head}))
    images = torch.randn(1, 3, 16, 16).expand(2, -1, -1, -1)

    scores, features = discriminator(images, torch.tensor([0, 1]))

    torch.testing.assert_close(features[0], features[1])
    assert not torch.allclose(scores[0], scores[1])


def test_the_patch_head_scores_every_position(tiny: ModelConfig) -> None:
    scores, features = Discriminator(tiny)(torch.randn(2, 3, 16, 16), torch.tensor([0, 1]))

    assert scores.shape == (2, 4, 4)
    assert features.shape == (2, 32, 4, 4)


def test_the_pooled_head_gives_one_score_the_same_for_any_order_of_the_features(
    tiny: ModelConfig,
) -> None:
    discriminator = Discriminator(tiny.model_copy(update={"discriminator_head": "pooled"}))
    classes = torch.tensor([0, 1])
    scores, features = discriminator(torch.randn(2, 3, 16, 16), classes)

    elsewhere = discriminator.score(features.roll((1, 2), dims=(2, 3)), classes)

    assert scores.shape == (2, 1, 1)
    torch.testing.assert_close(elsewhere, scores)


def test_both_heads_have_the_same_weights(tiny: ModelConfig) -> None:
    """The score is linear in the activated features: pooling first is the mean patch score."""
    patch = Discriminator(tiny)
    pooled = Discriminator(tiny.model_copy(update={"discriminator_head": "pooled"}))
    pooled.load_state_dict(patch.state_dict())
    images, classes = torch.randn(2, 3, 16, 16), torch.tensor([2, 4])

    mean_patch_score = patch(images, classes)[0].mean(dim=(1, 2))

    torch.testing.assert_close(pooled(images, classes)[0][:, 0, 0], mean_patch_score)


def test_the_norm_of_claim_3_adds_an_affine_map_before_every_block_convolution(
    tiny: ModelConfig,
) -> None:
    plain = Discriminator(tiny)
    normalised = Discriminator(tiny.model_copy(update={"discriminator_norm": True}))

    norms = [module for module in normalised.modules() if isinstance(module, nn.InstanceNorm2d)]
    blocks = [module for module in plain.modules() if isinstance(module, PreActivationBlock)]
    assert len(norms) == 2 * len(blocks)
    added = sum(p.numel() for p in normalised.parameters()) - sum(
        p.numel() for p in plain.parameters()
    )
    assert added == sum(2 * norm.num_features for norm in norms) > 0


def test_the_norm_of_claim_3_is_learned(tiny: ModelConfig) -> None:
    discriminator = Discriminator(tiny.model_copy(update={"discriminator_norm": True}))

    scores, _ = discriminator(torch.randn(2, 3, 16, 16), torch.tensor([0, 1]))
    scores.square().sum().backward()

    for name, parameter in discriminator.named_parameters():
        if "norm" in name and name.endswith("weight"):
            assert parameter.grad is not None, name
            assert parameter.grad.any(), name


def test_the_norm_takes_mean_and_deviation_away_then_gives_learned_ones() -> None:
    block = PreActivationBlock(3, 3, norm=True)
    norm = block.norm1
    assert isinstance(norm, nn.InstanceNorm2d)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([2.0, 3.0, 4.0]))
        norm.bias.copy_(torch.tensor([-1.0, 0.0, 1.0]))

    normalised = norm(9 * torch.randn(2, 3, 8, 8) + 5)

    torch.testing.assert_close(
        normalised.mean(dim=(2, 3)), norm.bias.detach().expand(2, -1), rtol=1e-4, atol=1e-4
    )
    deviation = normalised.std(dim=(2, 3), correction=0)
    torch.testing.assert_close(deviation, norm.weight.detach().expand(2, -1), rtol=1e-3, atol=1e-3)


def test_a_block_is_its_shortcut_plus_two_convolutions_with_activation_first() -> None:
    block = PreActivationBlock(3, 6, norm=False)
    features = torch.randn(2, 3, 8, 8)

    plain = block.conv2(F.leaky_relu(block.conv1(F.leaky_relu(features, 0.2)), 0.2))

    torch.testing.assert_close(block(features), plain + block.shortcut(features))
    assert isinstance(block.shortcut, nn.Conv2d)
    assert block.shortcut.bias is None


@HEADS
def test_the_gradient_penalty_can_be_differentiated_twice(tiny: ModelConfig, head: str) -> None:
    discriminator = Discriminator(
        tiny.model_copy(update={"discriminator_head": head, "discriminator_norm": True})
    )
    images = torch.randn(2, 3, 16, 16, requires_grad=True)

    scores, _ = discriminator(images, torch.tensor([0, 1]))
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    gradient.square().sum().backward()

    stem = discriminator.stem.weight.grad
    assert stem is not None
    assert stem.any()


@pytest.mark.parametrize("size", [32, 64, 128, 256, 512])
def test_sizes_from_32_to_512_px_work(size: int) -> None:
    config = ModelConfig(num_classes=3, image_size=size, discriminator_channels=2)

    with torch.inference_mode():
        scores, features = Discriminator(config)(
            torch.randn(1, 3, size, size), torch.zeros(1, dtype=torch.long)
        )

    assert scores.shape == (1, size // 16, size // 16)
    assert features.shape == (1, 64, size // 16, size // 16)
    assert scores.isfinite().all()
