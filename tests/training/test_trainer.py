"""One step of the training: who learns what from whom, and in which precision."""

import weakref
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from beyond import BEYOND
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from funit.config import Config, Settings, build_config, merged
from funit.data.dataset import Batch
from funit.training.losses import discriminator_terms, generator_terms
from funit.training.trainer import Trainer, frozen


def tiny_batch(config: Config, size: int = 4) -> Batch:
    torch.manual_seed(5)
    side = config.model.image_size
    return Batch(
        content=torch.rand(size, 3, side, side) * 2 - 1,
        original=torch.rand(size, 3, side, side) * 2 - 1,
        content_classes=torch.arange(size) % config.model.num_classes,
        examples=torch.rand(size, 1, 3, side, side) * 2 - 1,
        classes=(torch.arange(size) + 1) % config.model.num_classes,
        siblings=torch.rand(size, 1, 3, side, side) * 2 - 1,
    )


# ------------------------------------------------------------------ one step


def trainer_with(settings: Settings, **training: Any) -> Trainer:
    training = {"adversarial_from_images": 0, **training}
    wanted = merged({"model": {"num_classes": 4}}, settings, {"training": training})
    return Trainer(build_config(wanted), torch.device("cpu"))


def test_a_step_moves_both_networks_and_the_average(settings: Settings) -> None:
    trainer = trainer_with(settings)
    before = {k: v.clone() for k, v in trainer.generator.state_dict().items()}
    judged = {k: v.clone() for k, v in trainer.discriminator.state_dict().items()}

    terms = trainer.step(tiny_batch(trainer.config))

    moved = [k for k, v in trainer.generator.state_dict().items() if not torch.equal(v, before[k])]
    assert "image_decoder.to_image.weight" in moved
    assert {"class_encoder.stem.weight", "attention.log_sharpness"} <= set(moved)
    assert not torch.equal(trainer.discriminator.state_dict()["stem.weight"], judged["stem.weight"])
    assert set(terms) == {
        "d/adversarial",
        "d/gradient_penalty",
        "g/adversarial",
        "g/feature_matching",
        "g/reconstruction",
        "g/attention",
    }


def test_the_generators_update_computes_no_gradients_of_the_discriminator(
    settings: Settings,
) -> None:
    trainer = trainer_with(settings)
    batch = tiny_batch(trainer.config)
    drawn = trainer.draw(batch)

    with frozen(trainer.discriminator):
        terms = generator_terms(trainer.discriminator, batch, drawn, trainer.config.weights)
    torch.stack(list(terms.values())).sum().backward()

    assert all(p.grad is None for p in trainer.discriminator.parameters())
    assert all(p.requires_grad for p in trainer.discriminator.parameters())
    assert all(p.grad is not None for p in trainer.generator.parameters())


class ReadsNothing(TorchDispatchMode):
    """Fails where a number is read from a tensor, for which the CPU would wait for a GPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.overloadpacket is not torch.ops.aten._local_scalar_dense, "a number is read"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("variant", ["", *BEYOND])
@pytest.mark.parametrize("warm_up_images", [0, 100])
def test_no_step_waits_for_what_the_device_computes(
    settings: Settings, variant: str, warm_up_images: int
) -> None:
    own = {"training": {"optimizer": "adam", "shots": 2}}
    wanted = merged(settings, own, BEYOND.get(variant, {}))
    trainer = trainer_with(wanted, adversarial_from_images=warm_up_images)
    for optimizer in (trainer.g_optimizer, trainer.d_optimizer):  # as on a GPU
        optimizer.param_groups[0] |= {"fused": True, "foreach": False}
    batch = tiny_batch(trainer.config)

    with ReadsNothing():
        for _ in range(2):
            trainer.step(batch)


def test_the_discriminators_graphs_of_real_images_are_gone_before_the_generator_draws(
    settings: Settings,
) -> None:
    trainer = trainer_with(settings, penalty_every=1)
    learned: list[bool] = []  # at each call of the generator
    alive: list[int] = []
    graphs: list[weakref.ref[Tensor]] = []

    def keep(_: nn.Module, __: object, output: tuple[Tensor, Tensor]) -> None:
        graphs.append(weakref.ref(output[1]))

    def look(*_: object) -> None:
        learned.append(trainer.discriminator.stem.weight.grad is not None)
        alive.append(sum(graph() is not None for graph in graphs))

    trainer.discriminator.register_forward_hook(keep)
    trainer.generator.image_decoder.register_forward_pre_hook(look)
    trainer.step(tiny_batch(trainer.config))

    assert graphs
    assert learned[0]
    assert alive[0] == 0


def test_the_discriminator_learns_from_real_images_and_translations_alike_in_any_order(
    settings: Settings,
) -> None:
    trainer = trainer_with(settings, penalty_every=1)
    batch = tiny_batch(trainer.config)
    with torch.no_grad():
        translated = trainer.draw(batch).translated
    terms = discriminator_terms(trainer.discriminator, batch, translated, trainer.config.weights, 1)
    whole = torch.autograd.grad(
        torch.stack(list(terms.values())).sum(), trainer.discriminator.parameters()
    )

    gradients: list[Tensor] = []  # just before the step
    trainer.d_optimizer.register_step_pre_hook(
        lambda *_: gradients.extend(
            p.grad.clone() for p in trainer.discriminator.parameters() if p.grad is not None
        )
    )
    logged = trainer.step(batch)

    torch.testing.assert_close(gradients, list(whole), atol=1e-5, rtol=1e-4)
    for name, term in terms.items():
        torch.testing.assert_close(logged[f"d/{name}"], term.detach())


def test_the_lazy_penalty_comes_every_third_step(settings: Settings) -> None:
    trainer = trainer_with(settings, penalty_every=3)
    batch = tiny_batch(trainer.config)

    came = ["d/gradient_penalty" in trainer.step(batch) for _ in range(7)]

    assert came == [True, False, False, True, False, False, True]


def test_reconstruction_from_itself_and_from_the_class_use_the_looks_they_say(
    settings: Settings,
) -> None:
    itself = trainer_with(settings, reconstruct_from="itself")
    of_class = trainer_with(settings, reconstruct_from="class")
    batch = tiny_batch(itself.config)

    own = itself.draw(batch).reconstruction.images
    others = of_class.draw(batch).reconstruction.images

    generator = itself.generator  # the same seed: the same weights
    content_map = generator.encode_content(batch.content)
    own_look = generator.encode_class(batch.original[:, None])
    siblings_look = generator.encode_class(batch.siblings)
    torch.testing.assert_close(own, generator.decode(content_map, own_look))
    torch.testing.assert_close(others, generator.decode(content_map, siblings_look))


def test_back_translation_reads_the_pose_from_the_translation(settings: Settings) -> None:
    trainer = trainer_with(settings, reconstruct_from="class", back_translation=0.5)
    batch = tiny_batch(trainer.config)

    drawn = trainer.draw(batch)

    generator = trainer.generator
    looks = generator.encode_class(batch.siblings)
    back = generator.decode(generator.encode_content(drawn.translated[:2]), looks[:2])
    direct = generator.decode(generator.encode_content(batch.content[2:]), looks[2:])
    torch.testing.assert_close(drawn.reconstruction.images, torch.cat([back, direct]))


def test_back_translation_sends_no_gradient_into_the_translation(settings: Settings) -> None:
    trainer = trainer_with(settings, reconstruct_from="class", back_translation=1.0)
    drawn = trainer.draw(tiny_batch(trainer.config))
    drawn.translated.retain_grad()

    drawn.reconstruction.images.sum().backward()

    assert drawn.translated.grad is None


def test_before_the_adversarial_part_only_the_generator_learns(settings: Settings) -> None:
    trainer = trainer_with(settings, adversarial_from_images=8, back_translation=0.5)
    judged = {k: v.clone() for k, v in trainer.discriminator.state_dict().items()}

    terms = [set(trainer.step(tiny_batch(trainer.config))) for _ in range(2)]
    now = trainer.discriminator.state_dict()
    untouched = all(torch.equal(value, now[name]) for name, value in judged.items())
    after = trainer.step(tiny_batch(trainer.config))

    assert terms == [{"g/reconstruction", "g/attention"}] * 2
    assert untouched
    assert {"d/adversarial", "g/adversarial"} <= after.keys()


def test_without_an_adversarial_part_the_discriminator_never_learns(settings: Settings) -> None:
    trainer = trainer_with(settings, adversarial_from_images=None)
    judged = {k: v.clone() for k, v in trainer.discriminator.state_dict().items()}

    terms = [set(trainer.step(tiny_batch(trainer.config))) for _ in range(3)]

    assert terms == [{"g/reconstruction", "g/attention"}] * 3
    for name, value in trainer.discriminator.state_dict().items():
        assert torch.equal(value, judged[name]), name


@pytest.mark.parametrize("warm_up_images", [0, 4])
@pytest.mark.parametrize("attention_channels", [None, 4])
@pytest.mark.parametrize("plain_background", [False, True])
def test_attention_and_a_plain_background_have_terms_of_their_own_from_the_start(
    settings: Settings,
    attention_channels: int | None,
    plain_background: bool,
    warm_up_images: int,
) -> None:
    model = {"attention_channels": attention_channels, "plain_background": plain_background}
    trainer = trainer_with(
        merged(settings, {"model": model}), adversarial_from_images=warm_up_images
    )

    terms = trainer.step(tiny_batch(trainer.config))

    assert ("g/attention" in terms) is (attention_channels is not None)
    assert ("g/opacity" in terms) is plain_background
    assert ("g/adversarial" in terms) is (warm_up_images == 0)


def test_the_attention_looks_for_the_images_colours_in_others_of_its_class(
    settings: Settings,
) -> None:
    trainer = trainer_with(settings, reconstruct_from="class", back_translation=1.0)
    batch = tiny_batch(trainer.config)

    drawn = trainer.draw(batch)

    found, true = drawn.reconstruction.found_colours, drawn.original.found_colours
    assert found is not None
    assert true is not None
    torch.testing.assert_close(true, trainer.generator.perfect(batch.original).found_colours)
    siblings = F.avg_pool2d(batch.siblings[:, 0], 2)  # two halvings: a position is 2 x 2 pixels
    assert (found <= siblings.amax(dim=(2, 3), keepdim=True) + 1e-6).all()
    assert (found >= siblings.amin(dim=(2, 3), keepdim=True) - 1e-6).all()


def test_the_attention_learns_to_match(settings: Settings) -> None:
    wanted = merged(settings, {"weights": {"attention": 5.0}})
    trainer = trainer_with(
        wanted,
        reconstruct_from="class",
        adversarial_from_images=10_000,
        optimizer="adam",
        learning_rate=3e-3,
    )
    batch = tiny_batch(trainer.config)
    elsewhere = batch.original.roll((4, 4), dims=(2, 3))  # of the same things, in another place
    batch = replace(batch, content=batch.original, siblings=elsewhere[:, None])

    losses = [float(trainer.step(batch)["g/attention"]) for _ in range(40)]

    assert losses[-1] < 0.75 * losses[0]


def test_the_average_forgets_half_in_its_half_life(settings: Settings) -> None:
    trainer = trainer_with(settings, average_half_life=4, average_ramp_up=1000.0)
    before = trainer.average.image_decoder.to_image.weight.clone()

    trainer.step(tiny_batch(trainer.config))  # 4 images

    now = trainer.generator.image_decoder.to_image.weight
    expected = (before + now) / 2
    torch.testing.assert_close(trainer.average.image_decoder.to_image.weight, expected.detach())


# ------------------------------------------------------------------ 16 bits


@pytest.mark.parametrize("warm_up_images", [0, 4])
@pytest.mark.parametrize("plain_background", [False, True])
def test_a_step_in_bf16_has_nearly_the_losses_and_moves_of_one_in_fp32(
    settings: Settings, plain_background: bool, warm_up_images: int
) -> None:
    wanted = merged(settings, {"model": {"plain_background": plain_background}})
    same = {
        "adversarial_from_images": warm_up_images,
        "optimizer": "adam",
        "back_translation": 0.5,
        "reconstruct_from": "class",
    }
    exact, reduced = trainer_with(wanted, **same), trainer_with(wanted, precision="bf16", **same)
    batch = tiny_batch(exact.config)

    terms, nearly = exact.step(batch), reduced.step(batch)

    assert list(terms) == list(nearly)
    for name, value in terms.items():
        assert nearly[name].dtype == torch.float32
        assert float(nearly[name]) == pytest.approx(float(value), rel=0.03, abs=0.01), name
    for one, other in zip(
        exact.generator.parameters(), reduced.generator.parameters(), strict=True
    ):
        assert other.dtype == torch.float32
        assert (one.grad is None) is (other.grad is None)
        if one.grad is not None and other.grad is not None:
            assert other.grad.dtype == torch.float32


def test_the_penalty_is_in_fp32_when_the_rest_is_in_bf16(settings: Settings) -> None:
    exact, reduced = trainer_with(settings), trainer_with(settings, precision="bf16")
    batch = tiny_batch(exact.config)

    terms, nearly = exact.step(batch), reduced.step(batch)

    assert torch.equal(terms["d/gradient_penalty"], nearly["d/gradient_penalty"])
    assert not torch.equal(terms["g/reconstruction"], nearly["g/reconstruction"])


@pytest.mark.parametrize("variant", BEYOND)
@pytest.mark.parametrize("warm_up_images", [0, 4])
def test_what_goes_beyond_the_paper_learns_in_bf16_too(
    settings: Settings, variant: str, warm_up_images: int
) -> None:
    wanted = merged({"training": {"shots": 2}}, settings, BEYOND[variant])
    reduced = {"precision": "bf16", "adversarial_from_images": warm_up_images}
    trainer = trainer_with(merged(wanted, {"training": reduced}), **reduced)

    for _ in range(2):
        terms = trainer.step(tiny_batch(trainer.config))
        assert all(term.isfinite() and term.dtype == torch.float32 for term in terms.values())
    assert all(p.grad is None or p.grad.isfinite().all() for p in trainer.generator.parameters())
