"""Which class a picture shows, by few examples or by data, or none of them."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from funit.classification import Recogniser, probabilities
from funit.data.menagerie import draw_species, write_menagerie
from funit.errors import UserError

SIZE = 64


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    """With the model in the package, as users have it."""
    return Recogniser.load("default", "cpu")


@pytest.fixture(scope="module")
def creatures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six species in eight poses, none of which the model has seen."""
    folder = tmp_path_factory.mktemp("creatures") / "all"
    write_menagerie(folder, num_classes=6, num_poses=8, size=SIZE, seed=4321)
    return folder


def species(creatures: Path) -> list[Path]:
    return sorted(creatures.iterdir())


def poses(folder: Path, start: int, end: int) -> list[Path]:
    return sorted(folder.iterdir())[start:end]


def test_creatures_never_seen_are_told_apart_by_three_examples(
    recogniser: Recogniser, creatures: Path
) -> None:
    known = recogniser.learn({f.name: poses(f, 0, 3) for f in species(creatures)[:4]})

    asked = [(f.name, path) for f in species(creatures)[:4] for path in poses(f, 3, 8)]
    found = recogniser.classify([path for _, path in asked], known, threshold=0)

    right = [one.cls == name for one, (name, _) in zip(found, asked, strict=True)]
    assert np.mean(right) >= 0.9  # by chance: 0.25


def test_strangers_are_none_of_them(recogniser: Recogniser, creatures: Path) -> None:
    known = recogniser.learn({f.name: poses(f, 0, 3) for f in species(creatures)[:2]})
    members = [path for f in species(creatures)[:2] for path in poses(f, 3, 8)]
    strangers = [path for f in species(creatures)[2:] for path in poses(f, 3, 8)]

    taken = [one.cls is not None for one in recogniser.classify(members, known)]
    left = [one.cls is None for one in recogniser.classify(strangers, known)]

    assert np.mean(taken) >= 0.7
    assert np.mean(left) >= 0.7


def test_the_threshold_says_which_scores_count(recogniser: Recogniser, creatures: Path) -> None:
    known = recogniser.learn({f.name: poses(f, 0, 2) for f in species(creatures)[:3]})
    (image,) = poses(species(creatures)[0], 4, 5)

    (at_zero,) = recogniser.classify([image], known, threshold=0)
    (at_one,) = recogniser.classify([image], known, threshold=1)

    assert at_zero.cls == next(iter(at_zero.scores))
    assert at_one.cls is None
    assert at_zero.scores == at_one.scores
    assert at_zero.score == max(at_zero.scores.values()) < 1
    assert sum(at_zero.scores.values()) < 1
    with pytest.raises(UserError, match=r"not in 0\.\.1"):
        recogniser.classify([image], known, threshold=1.5)


def test_one_class_of_one_example_is_enough_to_ask(recogniser: Recogniser, creatures: Path) -> None:
    first, other = species(creatures)[:2]
    known = recogniser.learn({"it": poses(first, 0, 1)})

    (same, stranger) = recogniser.classify([*poses(first, 0, 1), *poses(other, 3, 4)], known)

    assert same.cls == "it"
    assert same.score > stranger.score


def test_an_answer_does_not_depend_on_what_else_is_asked_or_on_the_order_of_examples(
    recogniser: Recogniser, creatures: Path
) -> None:
    first, other = species(creatures)[:2]
    images = [*poses(first, 3, 6), *poses(other, 3, 6)]
    known = recogniser.learn({"a": poses(first, 0, 3), "b": poses(other, 0, 3)})
    turned = recogniser.learn({"b": poses(other, 0, 3)[::-1], "a": poses(first, 0, 3)[::-1]})

    together = recogniser.classify(images, known)
    alone = [one for image in images for one in recogniser.classify([image], turned)]

    for one, another in zip(together, alone, strict=True):
        assert one.cls == another.cls
        assert one.score == pytest.approx(another.score, abs=1e-3)


def test_data_teach_their_classes_and_a_classifier(
    recogniser: Recogniser, creatures: Path, tmp_path: Path
) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as file:
        for folder in species(creatures)[:4]:
            for image in poses(folder, 0, 6):
                file.write(image, f"{folder.name}/{image.name}")

    known = recogniser.learn_data(path)
    asked = [(f.name, image) for f in species(creatures)[:4] for image in poses(f, 6, 8)]
    found = recogniser.classify([image for _, image in asked], known)

    assert known.names == tuple(folder.name for folder in species(creatures)[:4])
    assert known.trained is not None
    assert np.mean([o.cls == n for o, (n, _) in zip(found, asked, strict=True)]) >= 0.75
    assert all(sum(one.scores.values()) <= 1 + 1e-9 for one in found)


def test_data_with_few_images_teach_without_a_classifier(
    recogniser: Recogniser, creatures: Path, tmp_path: Path
) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as file:
        for folder in species(creatures)[:2]:
            for image in poses(folder, 0, 2):
                file.write(image, f"{folder.name}/{image.name}")

    known = recogniser.learn_data(path)

    assert known.trained is None
    (one,) = recogniser.classify(poses(species(creatures)[0], 5, 6), known, threshold=0)
    assert one.cls == species(creatures)[0].name


def test_a_class_without_an_example_is_refused(recogniser: Recogniser) -> None:
    with pytest.raises(UserError, match="class `fox` has no example"):
        recogniser.learn({"fox": []})
    with pytest.raises(UserError, match="no class is given"):
        recogniser.learn({})


def test_scores_are_shares_and_none_of_them_has_the_rest() -> None:
    similarity = np.array([[0.9, 0.1], [0.5, 0.5], [-1.0, -1.0]])

    scores = probabilities(similarity, temperature=0.1, stranger=0.5)

    assert scores[0, 0] > 0.95
    np.testing.assert_allclose(scores[1], [1 / 3, 1 / 3])
    assert scores[2].sum() < 1e-6


def test_the_species_here_are_not_those_of_the_models_training() -> None:
    assert draw_species(4321, 0) != draw_species(20190505, 0)


def test_a_result_is_more_like_its_own_class_than_another(
    recogniser: Recogniser, creatures: Path
) -> None:
    first, second, third = species(creatures)[:3]
    look = recogniser.translator.encode_class(poses(first, 0, 3))
    results = recogniser.translator.translate(poses(third, 3, 8), look)

    own = recogniser.likeness(results, recogniser.learn_one(poses(first, 0, 3)))
    other = recogniser.likeness(results, recogniser.learn_one(poses(second, 0, 3)))
    true = recogniser.likeness(poses(first, 3, 8), recogniser.learn_one(poses(first, 0, 3)))

    assert all(0 <= score <= 1 for score in (*own, *other, *true))
    assert np.mean(own) > np.mean(other)
    assert np.mean(true) > np.mean(own)


def test_an_example_counts_in_a_score_what_it_does_in_the_look(
    recogniser: Recogniser, creatures: Path
) -> None:
    first, second = species(creatures)[:2]
    asked, examples = poses(first, 3, 6), [poses(first, 0, 1)[0], poses(second, 0, 1)[0]]

    alone = recogniser.likeness(asked, recogniser.learn_one(examples[:1]))
    weighed = recogniser.likeness(asked, recogniser.learn_one(examples, [1, 0]))

    np.testing.assert_allclose(weighed, alone, atol=1e-5)
    with pytest.raises(UserError, match="weights"):
        recogniser.learn_one(examples, [1])
