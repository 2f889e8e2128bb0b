"""The generator is compiled where that works, and trains as it is where it does not.

Compiled by PyTorch's backends that make no code: what is tested is that the compiler can follow the
generator and its gradient, and what happens otherwise.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from funit.config import ModelConfig, Settings, TrainingConfig, build_config, merged
from funit.data.dataset import Dataset
from funit.data.packed import Packed, packed_for
from funit.model import layers
from funit.model.generator import Generator
from funit.training import trainer as trainer_module
from funit.training.compiled import PASSES, compile_generator, is_compiled
from funit.training.loop import train
from funit.training.trainer import Trainer

CPU, GPU = torch.device("cpu"), torch.device("cuda")

pytestmark = pytest.mark.filterwarnings("ignore")  # of PyTorch's compiler, when it compiles anew


def compile_by(backend: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainers compile with another backend from now on."""
    monkeypatch.setattr(
        trainer_module, "compile_generator", partial(compile_generator, backend=backend)
    )


def refusing(*_: object) -> None:
    raise OSError("no C compiler\nto be found\nand more lines")


def failing_in_the_gradient(graph: torch.fx.GraphModule, _: object) -> Callable[..., Tensor]:
    def run(*arguments: Tensor) -> Tensor:
        results = graph(*arguments)
        for result in results:
            if result.requires_grad:
                result.register_hook(refusing)
        return results

    return run


def made(settings: Settings, **training: object) -> Trainer:
    wanted = merged(
        {"model": {"num_classes": 4}},
        settings,
        {"training": {"compile": "always", "adversarial_from_images": 0, **training}},
    )
    return Trainer(build_config(wanted), CPU)


@pytest.mark.parametrize(
    ("setting", "on_cpu", "on_gpu"),
    [("auto", False, True), ("always", True, True), ("never", False, False)],
)
def test_a_generator_is_compiled_on_a_gpu_unless_asked_otherwise(
    setting: str, on_cpu: bool, on_gpu: bool
) -> None:
    training = TrainingConfig.model_validate({"compile": setting})

    assert is_compiled(training, CPU) == on_cpu
    assert is_compiled(training, GPU) == on_gpu
    assert TrainingConfig().compile == "auto"


def test_a_compiled_generator_learns_the_same_under_the_same_names(
    settings: Settings, zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_by("aot_eager", monkeypatch)
    compiled, plain = made(settings, shots=2), made(settings, shots=2, compile="never")
    packed = packed_of(zoo, plain)
    batch = dataset_of(packed, plain).batch(0)

    terms, wanted = compiled.step(batch), plain.step(batch)

    assert compiled.not_compiled is None
    assert set(PASSES) <= vars(compiled.generator).keys()
    assert set(PASSES).isdisjoint(vars(compiled.average))
    assert compiled.generator.state_dict().keys() == plain.generator.state_dict().keys()
    for name, value in wanted.items():
        torch.testing.assert_close(terms[name], value, msg=name)


@pytest.mark.parametrize("adversarial_from_images", [0, None])
def test_steps_need_nothing_compiled_that_was_not_tried(
    settings: Settings,
    zoo: Path,
    monkeypatch: pytest.MonkeyPatch,
    adversarial_from_images: int | None,
) -> None:
    compile_by("eager", monkeypatch)
    altered = merged(settings, {"data": {"recolour": True, "bend": 0.05}})
    trainer = made(
        altered,
        shots=[1, 4],
        back_translation=0.5,
        adversarial_from_images=adversarial_from_images,
    )
    dataset = dataset_of(packed_of(zoo, trainer), trainer)
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]

    for index in range(6):
        trainer.step(dataset.batch(index))

    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == before


@pytest.mark.parametrize("backend", [refusing, failing_in_the_gradient])
def test_what_cannot_be_compiled_is_said_once_and_trained_as_it_is(
    settings: Settings,
    zoo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    backend: object,
) -> None:
    compile_by(backend, monkeypatch)
    wanted = merged(settings, {"training": {"compile": "always", "max_images": 8}})

    compiled = train(zoo, tmp_path / "compiled", wanted)
    plain = train(zoo, tmp_path / "plain", merged(wanted, {"training": {"compile": "never"}}))

    said = capsys.readouterr().err
    assert said.count("the generator is not compiled") == 1
    assert "no C compiler" in said
    assert "and more lines" not in said
    for name, value in plain.tensors("generator").items():
        assert torch.equal(compiled.tensors("generator")[name], value), name


def test_what_was_copied_to_a_device_once_is_not_copied_in_every_compiled_step(
    tiny: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = layers.PARITY_SUMS
    copied = {(size, CPU, torch.float32): tensor for size, tensor in sums.items()}
    on_another = {size: tensor.to("meta") for size, tensor in sums.items()}
    monkeypatch.setattr(layers, "PARITY_SUMS", on_another)
    monkeypatch.setattr(layers, "_copied_sums", copied)
    generator = Generator(tiny)
    content, examples = torch.rand(2, 3, 16, 16), torch.rand(2, 2, 3, 16, 16)

    problem = compile_generator(
        generator, lambda: [generator(content, examples).sum()], backend="eager"
    )

    assert problem is None
    assert copied.keys() == {(size, CPU, torch.float32) for size in sums}


def packed_of(zoo: Path, trainer: Trainer) -> Packed:
    return packed_for(zoo, trainer.config.model.image_size, num_unseen=2)


def dataset_of(packed: Packed, trainer: Trainer) -> Dataset:
    config = trainer.config
    return Dataset(packed, config.model.image_size, config.data, config.training)
