"""The judge of accuracy: right where it can be, honest where it cannot, the same on every run."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from funit.data.menagerie import draw_pose, draw_species, render
from funit.evaluation.classifier import (
    STRENGTHS,
    Classifier,
    HeldOut,
    Labelled,
    cached_classifier,
    classifier_key,
    divide,
    few_shot_accuracy,
    threshold_effect,
    top_k_accuracy,
    train_classifier,
)
from funit.evaluation.distribution import TooFewImagesError, inception_score
from funit.evaluation.metrics import Values
from funit.feature_networks import feature_network
from funit.home import home

Integers = NDArray[np.int64]

SIZE = 24  # numbers a feature
CENTRES = np.random.default_rng(99).normal(size=(10, SIZE))


def names(num: int) -> list[str]:
    return [f"class {i}" for i in range(num)]


def labels_of(num_classes: int, each: int) -> Integers:
    return np.arange(num_classes * each) % num_classes


def clusters(num_classes: int, each: int, apart: float, seed: int = 0) -> tuple[Values, Integers]:
    """Gaussians of deviation 1; with `apart` 0 nothing tells the classes from each other."""
    labels = labels_of(num_classes, each)
    noise = np.random.default_rng(seed).normal(size=(len(labels), SIZE))
    return apart * CENTRES[labels] + noise, labels


def trained(features: Values, labels: Integers, seed: int = 0) -> Classifier:
    return train_classifier(features, labels, names(int(labels.max()) + 1), seed)


def share_right(classifier: Classifier, features: Values, labels: Integers) -> float:
    return float(top_k_accuracy(classifier.probabilities(features), labels, 1).mean())


@pytest.fixture(scope="module")
def small() -> Classifier:
    return trained(*clusters(6, 20, apart=0.5))


# How right it is


def test_classes_that_lie_apart_are_told_apart() -> None:
    features, labels = clusters(10, 20, apart=3)

    classifier = trained(features, labels)

    assert classifier.held_out == HeldOut(pytest.approx(1), pytest.approx(1), 40)
    fresh, wanted = clusters(10, 50, apart=3, seed=1)
    assert share_right(classifier, fresh, wanted) == 1
    assert classifier.probabilities(fresh).max(axis=1).mean() > 0.95


def test_two_gaussians_are_told_apart_as_often_as_is_possible() -> None:
    labels = labels_of(2, 1000)
    features = np.random.default_rng(0).normal(size=(2000, 3))
    features[:, 1] += 2 * labels  # two deviations apart

    held_out = trained(features, labels).held_out

    best = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
    assert held_out.top1 == pytest.approx(best, abs=0.04)  # of 400: the deviation is 0.018
    assert held_out.top5 is None
    assert held_out.num_images == 400


def test_noise_is_told_apart_by_chance_though_it_could_be_learned_by_heart() -> None:
    labels = labels_of(8, 25)
    features = np.random.default_rng(0).normal(size=(200, 400))

    classifier = trained(features, labels)

    assert classifier.held_out.top1 == pytest.approx(1 / 8, abs=0.12)
    assert classifier.held_out.top5 == pytest.approx(5 / 8, abs=0.2)
    taught = divide(labels, names(8), seed=0).training
    assert share_right(classifier, features[taught], labels[taught]) > 0.95
    assert classifier.strength in STRENGTHS[:2]  # validation saw through it
    assert classifier.probabilities(features).max() < 0.25


def test_held_out_accuracy_is_that_of_fresh_images() -> None:
    classifiers = [trained(*clusters(6, 20, 0.4, seed)) for seed in range(6)]
    fresh = clusters(6, 300, 0.4, seed=100)

    reported = np.mean([classifier.held_out.top1 for classifier in classifiers])
    true = np.mean([share_right(classifier, *fresh) for classifier in classifiers])

    assert 0.4 < true < 0.9
    assert reported == pytest.approx(true, abs=0.1)  # of 144: the deviation is 0.04


def test_nothing_is_learned_from_what_is_held_out() -> None:
    features, labels = clusters(6, 20, apart=0.5)
    held_out = divide(labels, names(6), seed=0).held_out
    changed = features.copy()
    changed[held_out] = 1e3 * np.random.default_rng(1).normal(size=(len(held_out), SIZE))

    one, other = trained(features, labels), trained(changed, labels)

    np.testing.assert_array_equal(one.weight, other.weight)
    np.testing.assert_array_equal(one.bias, other.bias)
    assert one.held_out.top1 > other.held_out.top1 + 0.2


def test_each_class_counts_the_same_however_many_images_it_has() -> None:
    labels = np.repeat([0, 1], [1000, 50])
    features = np.random.default_rng(0).normal(size=(1050, 1)) + 2 * labels[:, None]

    classifier = trained(features, labels)

    assert -classifier.bias @ [1, -1] / (classifier.weight[:, 0] @ [1, -1]) == pytest.approx(
        1, abs=0.25
    )  # the border lies in the middle
    held_out = divide(labels, names(2), seed=0).held_out
    right = top_k_accuracy(classifier.probabilities(features[held_out]), labels[held_out], 1)
    of_classes = [right[labels[held_out] == label].mean() for label in (0, 1)]
    assert classifier.held_out.top1 == pytest.approx(np.mean(of_classes))
    assert classifier.held_out.num_images == len(held_out) == 210


def test_the_weights_are_where_the_loss_as_documented_is_flat() -> None:
    features, labels = clusters(6, 20, apart=0.5)
    features, labels = features[5:] * np.arange(1, SIZE + 1), labels[5:]  # uneven
    classifier = trained(features, labels)
    shares = divide(labels, names(6), seed=0)
    known = np.concatenate([shares.training, shares.validation])
    rows, wanted = torch.from_numpy(features[known]), torch.from_numpy(labels[known])

    share = torch.tensor([1 / (6 * (wanted == label).sum()) for label in wanted])
    share = share.double()
    mean = share @ rows
    variance = share @ (rows - mean) ** 2
    deviation = (variance + 0.1 * variance.mean()).sqrt()
    weight = (torch.from_numpy(classifier.weight) * deviation).requires_grad_()
    bias = torch.from_numpy(classifier.bias + classifier.weight @ mean.numpy()).requires_grad_()
    entropies = F.cross_entropy(
        (rows - mean) / deviation @ weight.T + bias, wanted, reduction="none"
    )
    (share @ entropies + classifier.strength / 2 * weight.square().sum()).backward()

    assert weight.grad is not None
    assert bias.grad is not None
    assert weight.grad.abs().max() < 1e-5
    assert bias.grad.abs().max() < 1e-5


def test_features_that_never_differ_change_nothing() -> None:
    features, labels = clusters(6, 20, apart=0.5)
    dead = np.concatenate([features, np.zeros((120, SIZE)), np.full((120, 4), 7.1)], axis=1)

    plain, padded = trained(features, labels), trained(dead, labels)

    assert padded.held_out.top1 == pytest.approx(plain.held_out.top1, abs=0.1)
    assert np.abs(padded.weight[:, SIZE:]).max() < 1e-6
    nothing = trained(np.ones((30, 2)), labels_of(3, 10))
    np.testing.assert_allclose(nothing.probabilities(np.ones((1, 2))), 1 / 3)
    assert nothing.held_out.top1 == 0  # three alike: none is told from the others


# The same for the same


def test_training_again_gives_the_same_to_the_bit() -> None:
    features, labels = clusters(6, 20, apart=0.5)

    torch.manual_seed(1)
    one = trained(features, labels)
    torch.manual_seed(2)
    other = trained(features, labels)

    np.testing.assert_array_equal(one.weight, other.weight)
    np.testing.assert_array_equal(one.bias, other.bias)
    assert one.held_out == other.held_out
    assert not np.array_equal(one.weight, trained(features, labels, seed=1).weight)


def test_place_scale_and_order_of_the_features_do_not_matter(small: Classifier) -> None:
    features, labels = clusters(6, 20, apart=0.5)
    order = np.random.default_rng(0).permutation(SIZE)
    changed = (features * 1000 + 50)[:, order]

    probabilities = trained(changed, labels).probabilities(changed)

    np.testing.assert_allclose(probabilities, small.probabilities(features), atol=1e-3)


def test_an_image_has_the_same_probabilities_in_any_batch(small: Classifier) -> None:
    features, _ = clusters(6, 3, apart=1, seed=1)

    together = small.probabilities(features.astype(np.float32))
    alone = np.concatenate([small.probabilities(row[None]) for row in features.astype(np.float32)])

    np.testing.assert_allclose(together, alone, rtol=1e-12)
    np.testing.assert_allclose(together.sum(axis=1), 1)
    assert 1 <= inception_score(together, seed=0, num_splits=1)[0] <= 6


def test_extreme_features_overflow_nothing(small: Classifier) -> None:
    probabilities = small.probabilities(np.full((1, SIZE), 1e9))

    np.testing.assert_allclose(np.sort(probabilities[0]), [0, 0, 0, 0, 0, 1])
    with pytest.raises(AssertionError, match="NaN"):
        small.probabilities(np.full((1, SIZE), np.nan))


# Which images are for what


def test_every_image_is_in_one_share_and_every_class_in_each() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [5, 17, 100]))

    shares = divide(labels, names(3), seed=3)

    parts = [shares.training, shares.validation, shares.held_out]
    assert sorted(np.concatenate(parts)) == list(range(122))
    counts = [np.bincount(labels[part]).tolist() for part in parts]
    assert counts == [[3, 11, 60], [1, 3, 20], [1, 3, 20]]
    again, other = divide(labels, names(3), seed=3), divide(labels, names(3), seed=4)
    np.testing.assert_array_equal(again.held_out, shares.held_out)
    assert not np.array_equal(other.held_out, shares.held_out)


def test_a_class_is_divided_alike_whatever_other_classes_there_are() -> None:
    labels = np.repeat([0, 1, 2], 20)

    of_all = divide(labels, ["a", "b", "c"], seed=0).held_out
    of_some = divide(labels[20:] - 1, ["b", "c"], seed=0).held_out

    np.testing.assert_array_equal(of_all[of_all >= 20], of_some + 20)


def test_too_few_images_or_classes_are_refused_with_the_reason() -> None:
    labels = np.repeat([0, 1, 2], [5, 4, 9])

    with pytest.raises(TooFewImagesError, match=r"5 images of each class.* `class 1` has 4"):
        train_classifier(np.zeros((18, 2)), labels, names(3), seed=0)
    with pytest.raises(TooFewImagesError, match="`class 3` has 0"):
        train_classifier(np.zeros((15, 2)), np.repeat([0, 1, 2], 5), names(4), seed=0)
    with pytest.raises(TooFewImagesError, match="2 classes; there is 1"):
        train_classifier(np.zeros((9, 2)), np.zeros(9, dtype=int), names(1), seed=0)


# The cache


def same(one: Classifier, other: Classifier) -> bool:
    return (
        np.array_equal(one.weight, other.weight)
        and np.array_equal(one.bias, other.bias)
        and (one.class_names, one.strength, one.held_out)
        == (other.class_names, other.strength, other.held_out)
    )


def test_what_is_saved_is_what_is_loaded(small: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "judge.safetensors"

    small.save(path)

    assert same(Classifier.load(path), small)
    assert [p.name for p in path.parent.iterdir()] == ["judge.safetensors"]


def test_a_classifier_of_few_classes_is_saved_too(tmp_path: Path) -> None:
    classifier = trained(*clusters(3, 6, apart=2))

    classifier.save(tmp_path / "judge")

    assert classifier.held_out.top5 is None
    assert same(Classifier.load(tmp_path / "judge"), classifier)


def test_any_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "judge.safetensors"
    weight = np.random.default_rng(0).normal(size=(2, 3))
    Classifier(("ä", "b"), weight, np.zeros(2), 0.1, HeldOut(0.5, None, 4)).save(path)
    whole = path.read_bytes()

    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged"):
            Classifier.load(path)
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="damaged"):
            Classifier.load(path)


def test_the_cache_trains_once_and_anew_where_its_file_is_damaged(small: Classifier) -> None:
    calls = []

    def train() -> Classifier:
        calls.append(1)
        return small

    assert same(cached_classifier("key", train), small)
    assert same(cached_classifier("key", train), small)
    assert len(calls) == 1

    (path,) = (home() / "classifiers").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert same(cached_classifier("key", train), small)
    assert same(cached_classifier("key", train), small)
    assert len(calls) == 2


def test_what_cannot_be_trained_leaves_nothing_in_the_cache() -> None:
    def train() -> Classifier:
        return train_classifier(np.zeros((4, 2)), np.array([0, 0, 1, 1]), names(2), seed=0)

    with pytest.raises(TooFewImagesError):
        cached_classifier("key", train)

    assert not (home() / "classifiers").exists()


def test_the_key_follows_all_that_the_classifier_follows() -> None:
    network = feature_network("efficientnet_lite0", device="cpu")
    key = classifier_key(network, "data", 64, "unseen", ["a", "b"], 0)
    others = [
        classifier_key(network, "other", 64, "unseen", ["a", "b"], 0),
        classifier_key(network, "data", 128, "unseen", ["a", "b"], 0),
        classifier_key(network, "data", 64, "all", ["a", "b"], 0),
        classifier_key(network, "data", 64, "unseen", ["a", "c"], 0),
        classifier_key(network, "data", 64, "unseen", ["a", "b"], 1),
    ]
    again = classifier_key(network, "data", 64, "unseen", ("a", "b"), 0)
    network.name = "another"
    others.append(classifier_key(network, "data", 64, "unseen", ["a", "b"], 0))
    network.name, network.sha256 = "efficientnet_lite0", "another"
    others.append(classifier_key(network, "data", 64, "unseen", ["a", "b"], 0))

    assert again == key
    assert len({key, *others}) == len(others) + 1


# Top k


def test_an_image_is_right_if_its_class_is_among_the_k_most_probable() -> None:
    probabilities = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    labels = np.array([0, 1, 2])

    np.testing.assert_array_equal(top_k_accuracy(probabilities, labels, 1), [1, 0, 0])
    np.testing.assert_array_equal(top_k_accuracy(probabilities, labels, 2), [1, 1, 0])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 5))
def test_top_k_equals_sorting(seed: int, k: int) -> None:
    draws = np.random.default_rng(seed)
    probabilities, labels = draws.dirichlet([0.3] * 6, size=20), draws.integers(0, 6, size=20)

    slow = [
        float(label in sorted(range(6), key=lambda c, row=row: -row[c])[:k])
        for row, label in zip(probabilities, labels, strict=True)
    ]

    np.testing.assert_array_equal(top_k_accuracy(probabilities, labels, k), slow)


def test_answers_that_are_all_alike_are_wrong() -> None:
    np.testing.assert_array_equal(top_k_accuracy(np.full((3, 6), 1 / 6), np.arange(3), 5), 0)


def test_k_classes_are_too_few_for_top_k() -> None:
    with pytest.raises(TooFewImagesError, match=r"top-5 accuracy needs 6 classes.*there are 5"):
        top_k_accuracy(np.full((3, 5), 0.2), np.arange(3), 5)


# The score threshold


def test_the_effect_of_a_threshold_equals_counting() -> None:
    draws = np.random.default_rng(0)
    scores = draws.integers(0, 11, size=60) / 10  # ties, and scores that are thresholds
    correct = (draws.random(60) < scores).astype(np.float64)
    thresholds = np.array([0.3, 0.0, 0.55, 1.0])

    effect = threshold_effect(scores, correct, thresholds)

    used = [scores >= threshold for threshold in thresholds]
    np.testing.assert_allclose(effect.coverage, [u.mean() for u in used])
    np.testing.assert_allclose(effect.accuracy, [correct[u].mean() for u in used])
    np.testing.assert_array_equal(effect.thresholds, thresholds)


def test_the_higher_the_threshold_the_fewer_and_righter_are_the_results() -> None:
    draws = np.random.default_rng(0)
    scores = draws.random(5000) * 0.9
    correct = (draws.random(5000) < scores).astype(np.float64)

    effect = threshold_effect(scores, correct)

    assert len(effect.thresholds) == 101
    assert effect.coverage[0] == 1
    assert effect.accuracy[0] == correct.mean()
    assert (np.diff(effect.coverage) <= 0).all()
    assert (np.diff(effect.accuracy[[0, 20, 40, 60, 80]]) > 0).all()
    assert effect.coverage[-1] == 0
    assert np.isnan(effect.accuracy[-1])


# Few-shot use


def few(each: int, seed: int, apart: float = 0.7) -> Labelled:
    return Labelled(*clusters(8, each, apart, seed))


def mean_accuracy(shots: int, translations: int, apart: float = 0.7) -> float:
    """Over five draws; the translations are of the right class as far as `apart` is that of all."""
    held_out = few(50, seed=1000)
    return float(
        np.mean(
            [
                few_shot_accuracy(few(shots, seed), few(translations, 50 + seed, apart), held_out)
                for seed in range(5)
            ]
        )
    )


def test_more_real_images_and_good_translations_help() -> None:
    found = [mean_accuracy(1, 0), mean_accuracy(1, 5), mean_accuracy(1, 50)]

    assert found[0] + 0.1 < found[1] < found[2] - 0.01
    assert mean_accuracy(5, 0) > found[0] + 0.1


def test_translations_of_no_class_or_of_the_wrong_one_do_harm() -> None:
    plain = mean_accuracy(3, 0)

    assert mean_accuracy(3, 20, apart=0) < plain - 0.02  # without anything of a class
    assert mean_accuracy(3, 20, apart=-0.7) < plain - 0.2  # the opposite of the class


def test_no_translations_and_hardly_weighing_ones_are_alike() -> None:
    real, held_out, translated = few(3, seed=0), few(50, seed=1), few(20, seed=2, apart=-0.7)
    empty = Labelled(np.zeros((0, SIZE)), np.zeros(0, dtype=int))

    plain = few_shot_accuracy(real, None, held_out)

    assert plain.shape == (400,)
    np.testing.assert_array_equal(few_shot_accuracy(real, empty, held_out), plain)
    hardly = few_shot_accuracy(real, translated, held_out, translated_share=1e-9)
    np.testing.assert_array_equal(hardly, plain)


def test_translations_weigh_as_much_together_however_many_they_are() -> None:
    real, held_out, translated = few(2, seed=0), few(50, seed=1), few(4, seed=2)
    thrice = Labelled(np.tile(translated.features, (3, 1)), np.tile(translated.labels, 3))

    once = few_shot_accuracy(real, translated, held_out)

    assert (few_shot_accuracy(real, thrice, held_out) != once).mean() < 0.01


def test_the_order_of_few_images_does_not_matter() -> None:
    real, held_out, translated = few(2, seed=0), few(50, seed=1), few(4, seed=2)
    order = np.random.default_rng(0).permutation(16)
    shuffled = Labelled(real.features[order], real.labels[order])

    one = few_shot_accuracy(real, translated, held_out)

    assert (few_shot_accuracy(shuffled, translated, held_out) != one).mean() < 0.01


def test_a_class_without_translations_keeps_its_weight() -> None:
    real, held_out, translated = few(3, seed=0), few(50, seed=1), few(20, seed=2)
    some = Labelled(translated.features[translated.labels < 4], labels_of(4, 20))

    right = few_shot_accuracy(real, some, held_out)

    for helped in (held_out.labels < 4, held_out.labels >= 4):
        assert right[helped].mean() > 0.4  # chance is 0.125


def test_a_class_without_a_real_image_is_refused() -> None:
    real, held_out = few(3, seed=0), few(5, seed=1)
    known = real.labels != 2

    with pytest.raises(TooFewImagesError, match="class 2 has none"):
        few_shot_accuracy(Labelled(real.features[known], real.labels[known]), None, held_out)


# A real network


def test_drawn_creatures_are_told_apart_by_the_features_of_a_real_network() -> None:
    network = feature_network("efficientnet_lite0", device="cpu")
    labels = labels_of(6, 7)
    images = [
        render(draw_species(0, int(label)), draw_pose(0, i), 64) for i, label in enumerate(labels)
    ]

    features = network(np.stack(images)).pooled
    classifier = trained(features.astype(np.float64), labels)

    assert classifier.held_out.num_images == 6
    assert classifier.held_out.top1 > 0.6  # chance is 0.17
