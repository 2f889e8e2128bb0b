"""Looks and contents: made apart, kept, combined in any pairing; files and folders of them."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from funit.config import Config, ModelConfig
from funit.data.images import fit, to_signed
from funit.engines.engine import Look
from funit.engines.torch_engine import TorchEngine
from funit.errors import UserError
from funit.evaluation.metrics import Images
from funit.model import look as model_look
from funit.model.generator import Generator
from funit.model_folder import TrainingRecord, save_model
from funit.translator import BATCH_SIZE, Translator


@pytest.fixture
def translator(either: ModelConfig) -> Translator:
    return Translator(TorchEngine(Generator(either), "cpu"), Config(model=either))


def generator_of(translator: Translator) -> Generator:
    assert isinstance(translator.engine, TorchEngine)
    return translator.engine.generator


def noise(*shape: int, seed: int = 0) -> Images:
    return np.random.default_rng(seed).integers(0, 256, size=(*shape, 3), dtype=np.uint8)


def assert_same(one: Image.Image, other: Image.Image) -> None:
    """Equal but for rounding: sums in another order may differ by one step of 255."""
    difference = np.asarray(one).astype(int) - np.asarray(other)
    assert np.abs(difference).max() <= 1


def assert_same_look(translator: Translator, one: Look, other: Look) -> None:
    """The same class code, and the same found by the attention if there is any."""
    np.testing.assert_allclose(one.class_code, other.class_code, rtol=1e-4, atol=1e-5)
    content_map = torch.from_numpy(translator.encode_content(noise(16, 16, seed=99)).encoded)[None]
    looks = [model_look.Look(*map(torch.from_numpy, look)) for look in (one, other)]
    with torch.inference_mode():
        drawn, also = (generator_of(translator).draw(content_map, look) for look in looks)
    torch.testing.assert_close(drawn, also, rtol=1e-4, atol=1e-5)


def write_images(folder: Path, names: Sequence[str], size: int = 20) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        Image.fromarray(noise(size, size, seed=seed)).save(folder / name)
    return [folder / name for name in names]


# --------------------------------------------------------------------- images


def test_a_translation_is_what_the_generator_draws(translator: Translator) -> None:
    content, examples = noise(16, 16), noise(3, 16, 16, seed=1)

    image = translator.translate(content, translator.encode_class(list(examples)))

    signed = [torch.from_numpy(a).movedim(-1, -3).float() / 127.5 - 1 for a in (content, examples)]
    with torch.no_grad():
        expected = generator_of(translator)(signed[0][None], signed[1][None])[0]
    drawn = torch.from_numpy(np.array(image)).movedim(-1, 0).float() / 127.5 - 1
    assert image.size == (16, 16)
    torch.testing.assert_close(drawn, expected, rtol=0, atol=1.1 / 127.5)


def test_every_kind_of_source_gives_the_same_translation(
    translator: Translator, tmp_path: Path
) -> None:
    array = noise(16, 16)
    image = Image.fromarray(array)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    path = tmp_path / "content.png"
    path.write_bytes(buffer.getvalue())
    look = translator.encode_class(image)

    first, *others = [
        translator.translate(source, look)
        for source in (path, str(path), buffer.getvalue(), image, array)
    ]

    for other in others:
        np.testing.assert_array_equal(np.asarray(other), np.asarray(first))


def test_other_sizes_are_cropped_to_the_middle_and_resized(translator: Translator) -> None:
    wide = Image.fromarray(noise(30, 50))
    look = translator.encode_class(wide)

    drawn = translator.translate(wide, look)

    assert_same(drawn, translator.translate(fit(wide, 16), look))


def test_contents_and_looks_can_be_kept_and_combined_later(translator: Translator) -> None:
    poses, classes = noise(2, 16, 16), noise(2, 16, 16, seed=1)
    contents = translator.encode_content(list(poses))
    looks = [translator.encode_class(image) for image in classes]

    for pose, content in zip(poses, contents, strict=True):
        for look in looks:
            assert_same(translator.translate(content, look), translator.translate(pose, look))


def test_a_batch_has_one_look_for_all_or_a_look_for_each(translator: Translator) -> None:
    poses = list(noise(BATCH_SIZE + 3, 16, 16))  # more than fit into one batch
    looks = [translator.encode_class(noise(16, 16, seed=i)) for i in range(len(poses))]

    for_each = translator.translate(poses, looks)
    for_all = translator.translate(poses, looks[0])

    for index in (0, BATCH_SIZE - 1, BATCH_SIZE, len(poses) - 1):
        assert_same(for_each[index], translator.translate(poses[index], looks[index]))
        assert_same(for_all[index], translator.translate(poses[index], looks[0]))


def test_looks_of_different_numbers_of_examples_mix_in_one_batch(translator: Translator) -> None:
    poses = list(noise(BATCH_SIZE + 5, 16, 16))
    examples = list(noise(5, 16, 16, seed=1))
    looks = [translator.encode_class(examples[: [1, 5, 2][i % 3]]) for i in range(len(poses))]

    images = translator.translate(poses, looks)

    assert len(images) == len(poses)
    for pose, look, image in zip(poses, looks, images, strict=True):
        assert_same(image, translator.translate(pose, look))


def test_a_look_can_be_kept_in_a_file(translator: Translator) -> None:
    look = translator.encode_class(list(noise(3, 16, 16, seed=1)))
    content = noise(16, 16)

    kept = safetensors.numpy.save(look._asdict())
    again = Look(**safetensors.numpy.load(kept))

    assert_same(translator.translate(content, again), translator.translate(content, look))


def test_images_and_kept_contents_mix_in_one_batch(translator: Translator) -> None:
    poses = noise(3, 16, 16)
    look = translator.encode_class(noise(16, 16, seed=1))
    kept = translator.encode_content(poses[1])

    mixed = translator.translate([poses[0], kept, poses[2]], look)

    for image, pose in zip(mixed, poses, strict=True):
        assert_same(image, translator.translate(pose, look))


def test_no_images_give_no_translations(translator: Translator) -> None:
    look = translator.encode_class(noise(16, 16))

    assert translator.translate([], look) == []
    assert translator.encode_content([]) == []


def test_transparent_pixels_show_the_background_of_the_training(tiny: ModelConfig) -> None:
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    config = Config(model=tiny).model_copy(deep=True)
    blue = config.data.model_copy(update={"background": (0, 0, 255)})
    engine = TorchEngine(Generator(tiny), "cpu")
    translator = Translator(engine, config.model_copy(update={"data": blue}))

    content = translator.encode_content(clear)

    expected = translator.encode_content(Image.new("RGB", (16, 16), (0, 0, 255)))
    np.testing.assert_array_equal(content.encoded, expected.encoded)


# ---------------------------------------------------------------------- looks


def test_the_order_of_the_examples_does_not_matter(translator: Translator) -> None:
    examples = list(noise(5, 16, 16))

    look, reversed_look = translator.encode_class(examples), translator.encode_class(examples[::-1])

    assert_same_look(translator, look, reversed_look)


def test_the_same_example_again_changes_nothing(translator: Translator) -> None:
    example = noise(16, 16)

    look = translator.encode_class([example] * (BATCH_SIZE + 3))  # more than fit into one batch

    assert_same_look(translator, look, translator.encode_class(example))


def test_more_examples_than_fit_into_a_batch_give_what_they_give_in_one_go(
    translator: Translator,
) -> None:
    examples = noise(40, 16, 16)
    weights = np.arange(1, 41, dtype=np.float32)

    look = translator.encode_class(list(examples), weights.tolist())

    signed = np.ascontiguousarray(to_signed(examples).transpose(0, 3, 1, 2))
    expected = translator.engine.encode_class(signed[None], (weights / weights.sum())[None])
    for part, wanted in zip(look, expected, strict=True):
        assert part.shape == wanted.shape
        assert part.dtype == wanted.dtype
        np.testing.assert_allclose(part, wanted, rtol=1e-4, atol=1e-5)


def test_weights_say_what_each_example_counts(translator: Translator) -> None:
    examples = list(noise(2, 16, 16))
    one, two = (translator.encode_class(example).class_code for example in examples)

    look = translator.encode_class(examples, weights=[3, 1])

    torch.testing.assert_close(look.class_code, (3 * one + two) / 4)


def test_an_example_of_weight_3_counts_as_three_copies_of_it(translator: Translator) -> None:
    one, other = noise(2, 16, 16)

    look = translator.encode_class([one, other], weights=[3, 1])

    assert_same_look(translator, look, translator.encode_class([one, one, one, other]))


def test_an_example_of_weight_0_is_as_if_it_were_not_there(translator: Translator) -> None:
    one, other, third = noise(3, 16, 16)

    look = translator.encode_class([one, other, third], weights=[2, 0, 1])

    assert_same_look(translator, look, translator.encode_class([one, third], weights=[2, 1]))


def test_equal_weights_are_no_weights(translator: Translator) -> None:
    examples = list(noise(3, 16, 16))

    weighted = translator.encode_class(examples, weights=[2, 2, 2])

    assert_same_look(translator, weighted, translator.encode_class(examples))


def test_weights_may_be_of_any_size(translator: Translator) -> None:
    examples = list(noise(2, 16, 16))

    weighted = translator.encode_class(examples, weights=[3e38, 1e38])

    as_well = translator.encode_class(examples, weights=[3, 1])
    torch.testing.assert_close(weighted.class_code, as_well.class_code)


@pytest.mark.parametrize(
    "weights",
    [[1], [1, 2, 3], [0, 0], [-1, 2], [float("nan"), 1], [float("inf"), 1], [1e308, 1e308], []],
)
def test_weights_that_make_no_sense_are_refused(
    translator: Translator, weights: list[float]
) -> None:
    with pytest.raises(UserError, match="weights"):
        translator.encode_class(list(noise(2, 16, 16)), weights=weights)


def test_no_examples_are_an_error_for_the_user(translator: Translator) -> None:
    with pytest.raises(UserError, match="no example image is given"):
        translator.encode_class([])


def test_as_many_looks_as_images_are_asked_for(translator: Translator) -> None:
    look = translator.encode_class(noise(16, 16))

    with pytest.raises(UserError, match="3 looks are given for 2 images"):
        translator.translate(list(noise(2, 16, 16)), [look] * 3)


# --------------------------------------------------------------------- models


def test_a_model_folder_can_be_loaded_and_translates_as_it_did(
    translator: Translator, tmp_path: Path
) -> None:
    save_model(
        tmp_path / "m",
        generator_of(translator).state_dict(),
        translator.config,
        name="m",
        version=1,
        training=TrainingRecord(seed=0, images=0, minutes=0),
        half=False,
    )

    loaded = Translator.load(tmp_path / "m", device="cpu")

    content, example = noise(16, 16), noise(16, 16, seed=1)
    assert_same(
        loaded.translate(content, loaded.encode_class(example)),
        translator.translate(content, translator.encode_class(example)),
    )


@pytest.mark.parametrize("device", ["quantum", "cuda:77"])
def test_a_device_that_cannot_be_used_is_an_error_for_the_user(
    tiny: ModelConfig, device: str
) -> None:
    with pytest.raises(UserError, match=f"device `{device}` cannot be used"):
        TorchEngine(Generator(tiny), device)


# ---------------------------------------------------------------------- files


def test_one_image_goes_to_the_file_out(translator: Translator, tmp_path: Path) -> None:
    (source,) = write_images(tmp_path, ["a.png"])
    look = translator.encode_class(source)

    written = list(translator.translate_files([source], look, tmp_path / "new" / "b.png"))

    assert written == [tmp_path / "new" / "b.png"]
    with Image.open(written[0]) as image:
        assert_same(image, translator.translate(source, look))


def test_several_images_and_folders_go_to_the_folder_out(
    translator: Translator, tmp_path: Path
) -> None:
    write_images(tmp_path / "in", ["b.png", "a.jpg"])
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    (single,) = write_images(tmp_path, ["c.png"])
    look = translator.encode_class(single)

    written = list(translator.translate_files([tmp_path / "in", single], look, tmp_path / "out"))

    assert [path.name for path in written] == ["a.png", "b.png", "c.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png", "c.png"]


def test_what_exists_is_kept_replaced_or_an_error(translator: Translator, tmp_path: Path) -> None:
    sources = write_images(tmp_path / "in", ["a.png", "b.png"])
    out, look = tmp_path / "out", translator.encode_class(sources[0])
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")

    with pytest.raises(UserError, match=r"a\.png` exists"):
        translator.translate_files(sources, look, out)
    assert [path.name for path in out.iterdir()] == ["a.png"]

    skipped: list[Path] = []
    written = translator.translate_files(
        sources, look, out, skip_existing=True, on_skipped=skipped.append
    )
    assert list(written) == [out / "b.png"]
    assert skipped == [out / "a.png"]
    assert (out / "a.png").read_bytes() == b"mine"

    assert len(list(translator.translate_files(sources, look, out, force=True))) == 2
    assert (out / "a.png").read_bytes() != b"mine"


def test_a_bad_image_stops_nothing_when_someone_listens(
    translator: Translator, tmp_path: Path
) -> None:
    sources = write_images(tmp_path / "in", ["a.png", "b.png", "c.png"])
    sources[1].write_text("not an image")
    look = translator.encode_class(sources[0])
    problems: list[UserError] = []

    written = list(
        translator.translate_files(sources, look, tmp_path / "out", on_problem=problems.append)
    )

    assert [path.name for path in written] == ["a.png", "c.png"]
    assert len(problems) == 1
    assert "b.png" in problems[0].message

    with pytest.raises(UserError, match=r"b\.png"):
        list(translator.translate_files(sources, look, tmp_path / "other"))


def test_where_no_image_can_be_read_nothing_is_written(
    translator: Translator, tmp_path: Path
) -> None:
    sources = write_images(tmp_path / "in", ["a.png", "b.png"])
    look = translator.encode_class(sources[0])
    for source in sources:
        source.write_text("not an image")
    problems: list[UserError] = []

    written = translator.translate_files(
        sources, look, tmp_path / "out", on_problem=problems.append
    )

    assert list(written) == []
    assert len(problems) == 2


def test_what_is_written_is_told_before_all_is_translated(
    translator: Translator, tmp_path: Path
) -> None:
    sources = write_images(tmp_path / "in", [f"{n:02}.png" for n in range(4 * BATCH_SIZE)])
    look = translator.encode_class(sources[0])

    written = translator.translate_files(sources, look, tmp_path / "out")

    assert next(written).exists()
    assert len(list((tmp_path / "out").iterdir())) < len(sources)
    assert len(list(written)) == len(sources) - 1


def test_two_images_that_would_share_a_file_are_refused(
    translator: Translator, tmp_path: Path
) -> None:
    sources = write_images(tmp_path / "x", ["a.png"]) + write_images(tmp_path / "y", ["a.jpg"])

    with pytest.raises(UserError, match="would both be written to"):
        translator.translate_files(sources, translator.encode_class(sources[0]), tmp_path / "out")


def test_several_images_do_not_fit_into_one_file(translator: Translator, tmp_path: Path) -> None:
    sources = write_images(tmp_path / "in", ["a.png", "b.png"])

    with pytest.raises(UserError, match="is one file, but there are 2 images"):
        translator.translate_files(sources, translator.encode_class(sources[0]), Path("out.png"))


def test_a_folder_without_images_is_an_error_for_the_user(
    translator: Translator, tmp_path: Path
) -> None:
    look = translator.encode_class(noise(16, 16))

    with pytest.raises(UserError, match="there is no image in"):
        translator.translate_files([tmp_path], look, tmp_path / "out")


@given(count=st.integers(1, 6), data=st.data())
def test_a_look_lies_between_those_of_its_examples(count: int, data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.floats(0.01, 10), min_size=count, max_size=count))
    config = ModelConfig(
        num_classes=2,
        image_size=16,
        base_channels=2,
        num_halvings=1,
        class_encoder_halvings=1,
        discriminator_halvings=1,
    )
    translator = Translator(TorchEngine(Generator(config), "cpu"), Config(model=config))
    examples = list(noise(count, 16, 16))

    code = translator.encode_class(examples, weights).class_code

    alone = np.stack([translator.encode_class(example).class_code for example in examples])
    assert (code >= alone.min(axis=0) - 1e-4).all()
    assert (code <= alone.max(axis=0) + 1e-4).all()
