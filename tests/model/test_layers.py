import pytest
import torch
import torch.nn.functional as F

from funit.model.layers import (
    AdaINResidualBlock,
    FewChannelConvolution,
    ResidualBlock,
    UpsamplingConvolution,
    adain,
    convolution,
    instance_norm,
    linear,
    parity_sums,
)


def test_adain_gives_each_channel_of_each_image_its_own_mean_and_deviation() -> None:
    features = torch.randn(3, 5, 8, 8) * 7 + 2
    mean, deviation = torch.randn(3, 5), torch.rand(3, 5) + 0.5

    styled = adain(features, mean, deviation)

    torch.testing.assert_close(styled.mean(dim=(2, 3)), mean)
    measured = styled.std(dim=(2, 3), correction=0)
    torch.testing.assert_close(measured, deviation, rtol=1e-4, atol=1e-4)


def test_adain_forgets_the_mean_and_the_scale_of_what_it_is_given() -> None:
    features = torch.randn(2, 3, 8, 8)
    mean, deviation = torch.randn(2, 3), torch.rand(2, 3)

    torch.testing.assert_close(
        adain(features * 50 - 9, mean, deviation),
        adain(features, mean, deviation),
        rtol=1e-4,
        atol=1e-4,
    )


@pytest.mark.parametrize("kernel_size", [1, 3, 5, 7])
def test_a_convolution_keeps_the_size_and_mirrors_at_the_border(kernel_size: int) -> None:
    conv = convolution(2, 3, kernel_size)
    images = torch.randn(1, 2, 12, 10)

    output = conv(images)

    pad = kernel_size // 2
    mirrored = F.pad(images, (pad, pad, pad, pad), mode="reflect")
    torch.testing.assert_close(output, F.conv2d(mirrored, conv.weight, conv.bias))
    assert output.shape == (1, 3, 12, 10)


@pytest.mark.parametrize("size", [8, 12, 64])
def test_a_4x4_convolution_with_stride_2_halves(size: int) -> None:
    assert convolution(2, 3, 4, stride=2)(torch.randn(1, 2, size, size)).shape[-1] == size // 2


def test_weights_start_kaiming_normal_and_biases_at_zero() -> None:
    for layer, fan_in in [(convolution(64, 64, 3), 64 * 9), (linear(512, 512), 512)]:
        assert layer.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.02)
        assert layer.bias is not None
        assert not layer.bias.any()


def test_a_residual_block_adds_to_what_it_is_given() -> None:
    block = ResidualBlock(4)
    features = torch.randn(2, 4, 8, 8)

    added = block(features) - features

    # the last instance norm leaves mean 0 and deviation 1, and no activation follows the sum
    torch.testing.assert_close(added.mean(dim=(2, 3)), torch.zeros(2, 4), rtol=0, atol=1e-5)
    deviation = added.std(dim=(2, 3), correction=0)
    torch.testing.assert_close(deviation, torch.ones(2, 4), rtol=1e-3, atol=1e-3)
    assert (block(features) < 0).any()


def test_an_adain_block_adds_features_of_the_second_mean_and_deviation() -> None:
    block = AdaINResidualBlock(4)
    features = torch.randn(2, 4, 8, 8)
    first = (torch.randn(2, 4), torch.rand(2, 4))
    second = (torch.randn(2, 4), torch.rand(2, 4) + 0.5)

    added = block(features, first, second) - features

    torch.testing.assert_close(added.mean(dim=(2, 3)), second[0], rtol=1e-4, atol=1e-4)
    deviation = added.std(dim=(2, 3), correction=0)
    torch.testing.assert_close(deviation, second[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_up_sampling_doubles_the_size_and_halves_the_channels(kernel_size: int) -> None:
    doubled = UpsamplingConvolution(8, kernel_size)(torch.randn(2, 8, 5, 5))

    assert doubled.shape == (2, 4, 10, 10)


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (2, 2), (3, 2), (6, 7)], ids=str)
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_up_sampling_equals_the_convolution_of_repeated_positions(
    kernel_size: int, size: tuple[int, int]
) -> None:
    if kernel_size == 5 and 1 in size:
        pytest.skip("two pixels cannot be mirrored beyond the second")
    doubling = UpsamplingConvolution(4, kernel_size).double()
    assert doubling.conv.bias is not None
    torch.nn.init.normal_(doubling.conv.bias)
    features = torch.randn(2, 4, *size, dtype=torch.float64, requires_grad=True)
    repeated = features.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    ours, plain = doubling(features), doubling.conv(repeated)

    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-10)
    seen = torch.randn_like(plain)
    inputs = [features, *doubling.parameters()]
    for one, other in zip(
        torch.autograd.grad((ours * seen).sum(), inputs),
        torch.autograd.grad((plain * seen).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_what_is_copied_to_a_device_is_kept_and_can_be_trained_with() -> None:
    like = torch.empty(1, device="meta")
    with torch.inference_mode():
        sums = parity_sums(5, like)

    assert parity_sums(5, like) is sums
    assert sums.device.type == "meta"
    assert not sums.is_inference()


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_up_sampling_keeps_the_weights_of_a_plain_convolution_alone(kernel_size: int) -> None:
    assert list(UpsamplingConvolution(4, kernel_size).state_dict()) == ["conv.weight", "conv.bias"]


@pytest.mark.parametrize(("channels", "height", "width"), [(3, 8, 8), (4, 12, 6), (1, 4, 10)])
def test_a_convolution_to_few_channels_is_a_convolution(
    channels: int, height: int, width: int
) -> None:
    ours, plain = (
        FewChannelConvolution(5, channels, 7).double(),
        convolution(5, channels, 7).double(),
    )
    plain.load_state_dict(ours.state_dict())
    torch.nn.init.normal_(ours.bias)
    plain.bias = ours.bias
    features = torch.randn(2, 5, height, width, dtype=torch.float64, requires_grad=True)

    one, other = ours(features), plain(features)

    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    for left, right in zip(
        torch.autograd.grad(one.square().sum(), [features, ours.weight, ours.bias]),
        torch.autograd.grad(other.square().sum(), [features, plain.weight, plain.bias]),
        strict=True,
    ):
        torch.testing.assert_close(left, right, rtol=0, atol=1e-10)


def test_normalisation_loses_no_bits_under_autocast() -> None:
    features = (torch.randn(2, 3, 8, 8) * 3 + 100).bfloat16()

    with torch.autocast("cpu", torch.bfloat16):
        normalised = instance_norm(features)

    torch.testing.assert_close(normalised, instance_norm(features.float()))
