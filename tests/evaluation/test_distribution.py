"""Each metric of sets against its definition written out slowly, and against known values."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funit.evaluation import distribution
from funit.evaluation.distribution import (
    PRDC,
    Features,
    Gaussian,
    TooFewImagesError,
    diversity,
    fid,
    frechet_distance,
    inception_score,
    kid,
    nearer_to_training,
    prdc,
    squared_mmd,
)
from funit.evaluation.metrics import Values

seeds = st.integers(0, 2**32 - 1)


def normal(num: int, size: int, seed: int = 0) -> Values:
    return np.random.default_rng(seed).normal(size=(num, size))


def fid_of(real: Features, translated: Features) -> float:
    return fid(Gaussian.of(real), Gaussian.of(translated))


def known(mean: list[float], covariance: Values) -> Gaussian:
    """The Gaussian itself, not a fit."""
    return Gaussian(2, np.array(mean), covariance)


def means(found: PRDC) -> list[float]:
    return [v.mean() for v in (found.precision, found.recall, found.density, found.coverage)]


# FID


def test_fid_equals_its_formula_with_a_plain_matrix_root() -> None:
    real, translated = normal(200, 12) @ normal(12, 12, seed=1), normal(90, 12, seed=2) * 2 + 1

    assert fid_of(real, translated) == pytest.approx(slow_fid(real, translated), abs=1e-9)


def slow_fid(x: Features, y: Features) -> float:
    """Heusel et al. (2017), equation 6: the trace of a root is the sum of the roots."""
    cov_x, cov_y = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root_trace = np.sqrt(np.linalg.eigvals(cov_x @ cov_y).astype(complex)).sum().real
    shift = x.mean(axis=0) - y.mean(axis=0)
    return float(shift @ shift + np.trace(cov_x) + np.trace(cov_y) - 2 * root_trace)


def test_shifted_gaussians_are_the_square_of_the_shift_apart() -> None:
    covariance = np.cov(normal(50, 3), rowvar=False)

    distance = frechet_distance(known([0, 0, 0], covariance), known([1, -2, 3], covariance))

    assert distance == pytest.approx(14)


def test_gaussians_with_common_axes_differ_by_the_squares_of_their_deviations() -> None:
    axes, _ = np.linalg.qr(normal(3, 3))
    one, other = np.array([1.0, 2.0, 0.0]), np.array([4.0, 0.5, 3.0])

    distance = frechet_distance(
        known([0, 0, 0], axes * one**2 @ axes.T), known([0, 0, 0], axes * other**2 @ axes.T)
    )

    assert distance == pytest.approx(np.square(one - other).sum())


def test_a_shifted_and_stretched_sample_has_the_closed_form() -> None:
    real = normal(100, 6)
    centre = real.mean(axis=0)

    distance = fid_of(real, (real - centre) * 1.5 + centre + 2)

    assert distance == pytest.approx(6 * 2**2 + 0.5**2 * np.trace(np.cov(real, rowvar=False)))


def test_two_halves_of_one_sample_are_as_far_apart_as_their_number_explains() -> None:
    size, num = 20, 1000

    found = [fid_of(*np.split(normal(2 * num, size, seed), 2)) for seed in range(10)]

    assert np.mean(found) == pytest.approx((size + 5) / (2 * num) * size, rel=0.1)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_fid_is_the_same_for_any_split_into_batches(seed: int, cuts: list[int]) -> None:
    real, translated = normal(60, 8, seed) * 5 + 100, normal(60, 8, seed + 1)
    batches = np.split(real, sorted(cuts))

    streamed = fid(Gaussian.of_batches(batches), Gaussian.of(translated))

    assert streamed == pytest.approx(fid_of(real, translated), abs=1e-6, rel=1e-9)


def test_the_statistics_of_single_images_add_up_to_those_of_all() -> None:
    features = (normal(300, 5) * 0.01 + 1000).astype(np.float32)  # the mean hides the deviation

    streamed = Gaussian.of_batches(np.split(features, 300))

    exact = features.astype(np.float64)
    assert streamed.num_images == 300
    np.testing.assert_allclose(streamed.mean, exact.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(streamed.covariance, np.cov(exact, rowvar=False), rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_fid_ignores_order_and_direction_and_turns_with_the_space(seed: int) -> None:
    real, translated = normal(40, 6, seed), normal(50, 6, seed + 1) + 1
    shuffled = np.random.default_rng(seed).permutation(real)
    turn, _ = np.linalg.qr(normal(6, 6, seed))

    distance = fid_of(real, translated)

    assert fid_of(shuffled, translated) == pytest.approx(distance)
    assert fid_of(translated, real) == pytest.approx(distance)
    assert fid_of(real @ turn, translated @ turn) == pytest.approx(distance)
    assert fid_of(3 * real, 3 * translated) == pytest.approx(9 * distance)


def test_fid_of_equal_sets_is_zero_where_variances_span_many_orders() -> None:
    features = normal(300, 128) * np.logspace(0, -9, 128) @ np.linalg.qr(normal(128, 128))[0]
    features[:, -8:] = 0  # features that never fire

    assert fid_of(features, features[::-1]) == pytest.approx(0, abs=1e-10)


# KID


def test_the_squared_discrepancy_equals_its_definition_written_as_loops() -> None:
    one, other = normal(7, 4), normal(9, 4, seed=1) + 0.5

    assert squared_mmd(one, other) == pytest.approx(slow_squared_mmd(one, other))


def slow_squared_mmd(x: Values, y: Values) -> float:
    """Gretton et al. (2012), equation 3, with the kernel of Bińkowski et al. (2018)."""

    def kernel(a: Values, b: Values) -> float:
        return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3

    within_x = [kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
    within_y = [kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j]
    between = [kernel(a, b) for a in x for b in y]
    return float(np.mean(within_x) + np.mean(within_y) - 2 * np.mean(between))


def test_kid_of_one_distribution_is_zero_on_average_and_often_negative() -> None:
    found = np.array(
        [squared_mmd(normal(30, 8, 2 * seed), normal(30, 8, 2 * seed + 1)) for seed in range(400)]
    )

    assert abs(found.mean()) < 3 * found.std() / math.sqrt(len(found))
    assert 0.3 < (found < 0).mean() < 0.8


def test_the_deviation_of_halves_is_about_the_standard_error() -> None:
    def samples(seed: int) -> tuple[Values, Values]:
        return normal(100, 8, 2 * seed), normal(100, 8, 2 * seed + 1) + 0.7

    true_error = np.std([squared_mmd(*samples(seed)) for seed in range(200)])
    reported = np.mean([kid(*samples(seed), seed=0)[1] for seed in range(20)])

    assert reported == pytest.approx(true_error, rel=0.25)


def test_kid_is_the_mean_over_subsets_and_follows_the_seed() -> None:
    real, translated = normal(60, 8), normal(80, 8, seed=1) + 1

    mean, deviation = kid(real, translated, seed=5)

    assert (mean, deviation) == kid(real, translated, seed=5)
    assert mean != kid(real, translated, seed=6)[0]
    assert mean == pytest.approx(squared_mmd(real, translated), abs=3 * deviation)


def test_kid_takes_subsets_no_larger_than_asked() -> None:
    real, translated = normal(60, 8), normal(60, 8, seed=1)

    _, small = kid(real, translated, seed=0, max_subset_size=4)
    _, large = kid(real, translated, seed=0)

    assert small > 2 * large


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_the_squared_discrepancy_ignores_order_and_direction(seed: int) -> None:
    one, other = normal(12, 5, seed), normal(15, 5, seed + 1)

    value = squared_mmd(one, other)

    assert squared_mmd(one[::-1], other) == pytest.approx(value)
    assert squared_mmd(other, one) == pytest.approx(value)


# Inception score


def test_the_inception_score_equals_its_definition_written_as_loops() -> None:
    probabilities = np.random.default_rng(0).dirichlet([0.3] * 5, size=40)
    probabilities[0] = [1, 0, 0, 0, 0]

    mean, deviation = inception_score(probabilities, seed=0, num_splits=1)

    assert mean == pytest.approx(slow_inception_score(probabilities))
    assert deviation == 0


def slow_inception_score(probabilities: Values) -> float:
    """Salimans et al. (2016), section 4."""
    marginal = probabilities.mean(axis=0)
    divergences = [
        sum(p * math.log(p / q) for p, q in zip(row, marginal, strict=True) if p > 0)
        for row in probabilities
    ]
    return math.exp(np.mean(divergences))


def test_splits_are_scored_apart() -> None:
    probabilities = np.random.default_rng(0).dirichlet([0.3] * 4, size=203)

    mean, deviation = inception_score(probabilities, seed=7, num_splits=3)

    order = np.random.default_rng(7).permutation(203)
    scores = [slow_inception_score(probabilities[part]) for part in np.array_split(order, 3)]
    assert mean == pytest.approx(np.mean(scores))
    assert deviation == pytest.approx(np.std(scores))


def test_predictions_that_are_all_alike_score_one() -> None:
    alike = np.tile(np.array([0.7, 0.2, 0.1, 0.0], dtype=np.float32), (40, 1))

    assert inception_score(alike, seed=0) == pytest.approx((1, 0))


@pytest.mark.parametrize("num_classes", [2, 7])
def test_certain_and_even_predictions_score_the_number_of_classes(num_classes: int) -> None:
    certain = np.tile(np.eye(num_classes), (10, 1))

    mean, _ = inception_score(certain, seed=0, num_splits=1)

    assert mean == pytest.approx(num_classes)


def test_predictions_that_come_class_by_class_are_mixed_before_they_are_split() -> None:
    certain = np.repeat(np.eye(5), 200, axis=0)

    mean, _ = inception_score(certain, seed=0, num_splits=5)

    assert mean > 4.8  # 1 if each split had one class


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_the_inception_score_of_one_split_ignores_order_and_stays_in_range(seed: int) -> None:
    draws = np.random.default_rng(seed)
    probabilities = draws.dirichlet([0.2] * 6, size=30)

    score, _ = inception_score(probabilities, seed=0, num_splits=1)
    shuffled, _ = inception_score(draws.permutation(probabilities), seed=1, num_splits=1)

    assert shuffled == pytest.approx(score)
    assert 1 <= score <= 6


# Precision, recall, density, coverage


@pytest.mark.parametrize("num_neighbours", [1, 5])
def test_prdc_equals_its_definition_written_as_loops(num_neighbours: int) -> None:
    real, translated = normal(60, 6), normal(50, 6, seed=1) * 0.9 + 0.8

    found = prdc(real, translated, num_neighbours)

    slow = slow_prdc(real, translated, num_neighbours)
    assert means(found) == pytest.approx(slow)
    assert all(value not in (0, 1) for value in slow)  # a case that could go wrong


def slow_prdc(real: Values, translated: Values, k: int) -> list[float]:
    """Naeem et al. (2020), equations 1, 2, 3 and 5, with open balls."""

    def radii(rows: Values) -> list[float]:
        return [sorted(float(np.linalg.norm(a - b)) for b in rows)[k] for a in rows]

    real_radii, translated_radii = radii(real), radii(translated)
    in_real = [
        [np.linalg.norm(x - y) < radius for x, radius in zip(real, real_radii, strict=True)]
        for y in translated
    ]
    in_translated = [
        [np.linalg.norm(x - y) < r for y, r in zip(translated, translated_radii, strict=True)]
        for x in real
    ]
    return [
        float(np.mean([any(balls) for balls in in_real])),
        float(np.mean([any(balls) for balls in in_translated])),
        float(np.mean([sum(balls) for balls in in_real])) / k,
        float(np.mean([any(balls) for balls in zip(*in_real, strict=True)])),
    ]


def test_equal_distances_are_taken_as_equal_whatever_their_rounding() -> None:
    draws = np.random.default_rng(0)
    real, translated = draws.integers(0, 4, (60, 3)), draws.integers(1, 5, (50, 3))
    turn, _ = np.linalg.qr(normal(3, 3))

    found = prdc(real @ turn / 7, translated @ turn / 7)

    assert means(found) == pytest.approx(slow_prdc(real.astype(float), translated.astype(float), 5))


def test_equal_sets_have_one_everywhere() -> None:
    features = normal(200, 16) + 50

    assert means(prdc(features, features[::-1])) == [1, 1, 1, 1]


def test_far_sets_have_zero_everywhere() -> None:
    assert means(prdc(normal(60, 8), normal(60, 8, seed=1) + 100)) == [0, 0, 0, 0]


def test_the_coverage_of_one_distribution_is_what_theory_says() -> None:
    num, k = 200, 5
    expected = 1 - math.prod((num - i) / (2 * num - i) for i in range(1, k + 1))  # Naeem, lemma 2

    found = [
        prdc(normal(num, 8, 2 * s), normal(num, 8, 2 * s + 1)).coverage.mean() for s in range(20)
    ]

    assert np.mean(found) == pytest.approx(expected, abs=0.01)


def test_copies_of_one_real_image_are_precise_but_cover_almost_nothing() -> None:
    real = normal(200, 8)

    precision, recall, _, coverage = means(prdc(real, np.repeat(real[:1], 100, axis=0)))

    assert precision == 1
    assert recall == 0
    assert coverage < 0.1


def test_prdc_has_a_value_an_image() -> None:
    found = prdc(normal(60, 3), normal(70, 3, seed=1))

    assert found.precision.shape == found.density.shape == (70,)
    assert found.recall.shape == found.coverage.shape == (60,)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_prdc_follows_the_order_of_images_and_ignores_scale_and_place(seed: int) -> None:
    real, translated = normal(50, 4, seed), normal(50, 4, seed + 1) + 0.3
    order = np.random.default_rng(seed).permutation(50)

    found = prdc(real, translated)
    moved = prdc(real[order] * 7 + 1e7, translated * 7 + 1e7)

    np.testing.assert_array_equal(moved.precision, found.precision)
    np.testing.assert_array_equal(moved.density, found.density)
    np.testing.assert_array_equal(moved.recall, found.recall[order])
    np.testing.assert_array_equal(moved.coverage, found.coverage[order])


@pytest.mark.parametrize("max_entries", [1, 130, 1000])
def test_how_many_distances_are_held_at_once_changes_nothing(
    max_entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, translated = normal(60, 4), normal(50, 4, seed=1)
    translated[:20] = real[:20]  # ties
    whole = prdc(real, translated)
    distance = diversity(real)

    monkeypatch.setattr(distribution, "_MAX_ENTRIES", max_entries)

    parts = prdc(real, translated)
    assert means(parts) == means(whole)
    assert diversity(real) == pytest.approx(distance)


# The memory check and diversity


def test_a_translation_is_marked_if_the_nearest_real_image_is_a_training_image() -> None:
    training = np.array([[0.0, 0.0], [10.0, 0.0]])
    others = np.array([[0.0, 4.0], [10.0, 9.0]])
    translated = np.array([[0.0, 1.0], [0.0, 3.0], [9.0, 0.0], [10.0, 5.0]])

    found = nearer_to_training(translated, training, others)

    np.testing.assert_array_equal(found, [1, 0, 1, 0])


def test_the_memory_check_equals_its_definition_written_as_loops() -> None:
    translated, training, others = normal(80, 6), normal(30, 6, seed=1), normal(40, 6, seed=2)

    slow = [
        min(np.linalg.norm(t - x) for x in training) < min(np.linalg.norm(t - x) for x in others)
        for t in translated
    ]

    np.testing.assert_array_equal(nearer_to_training(translated, training, others), slow)


def test_copies_are_always_marked_and_what_is_no_nearer_never() -> None:
    training, others = normal(50, 16) + 9, normal(500, 16, seed=1) + 9

    assert nearer_to_training(training, training, others).all()
    assert not nearer_to_training(others, training, others).any()
    assert not nearer_to_training(training, training, training[::-1]).any()


def test_what_is_as_near_to_a_training_image_as_to_another_is_not_marked() -> None:
    turn, _ = np.linalg.qr(normal(4, 4))
    between, mirror = np.array([0, 1, 1, 1]), np.array([-1, 1, 1, 1])
    training = normal(30, 4)

    found = nearer_to_training(
        normal(40, 4, seed=1) * between @ turn, training @ turn, training * mirror @ turn
    )

    assert not found.any()


def test_by_chance_the_share_is_that_of_the_training_images() -> None:
    found = nearer_to_training(normal(2000, 6), normal(100, 6, seed=1), normal(300, 6, seed=2))

    assert found.mean() == pytest.approx(0.25, abs=0.06)


def test_diversity_is_the_mean_distance_of_pairs() -> None:
    features = normal(9, 5)

    pairs = [np.linalg.norm(features[i] - features[j]) for i in range(9) for j in range(i)]

    assert diversity(features) == pytest.approx(np.mean(pairs))
    assert diversity(np.array([[0.0, 3.0], [4.0, 0.0]])) == pytest.approx(5)


def test_the_diversity_of_equal_outputs_is_exactly_zero() -> None:
    assert diversity(np.repeat(normal(1, 300) + 1000, 12, axis=0)) == 0


# Too few images


def even(num: int) -> Values:
    return np.full((num, 3), 1 / 3)


@pytest.mark.parametrize(
    ("enough", "measure", "says"),
    [
        (7, lambda n: fid_of(normal(n, 6), normal(99, 6)), "FID over features of 6 numbers"),
        (7, lambda n: fid_of(normal(99, 6), normal(n, 6)), "FID over features of 6 numbers"),
        (20, lambda n: kid(normal(n, 6), normal(99, 6), seed=0), "KID"),
        (30, lambda n: inception_score(even(n), seed=0), "the inception score"),
        (9, lambda n: inception_score(even(n), seed=0, num_splits=3), "the inception score"),
        (50, lambda n: prdc(normal(99, 6), normal(n, 6)), "precision, recall, density"),
        (30, lambda n: prdc(normal(n, 6), normal(99, 6), 3), "precision, recall, density"),
        (1, lambda n: nearer_to_training(normal(5, 6), normal(n, 6), normal(9, 6)), "the memory"),
        (1, lambda n: nearer_to_training(normal(5, 6), normal(9, 6), normal(n, 6)), "the memory"),
        (2, lambda n: diversity(normal(n, 6)), "the distance between outputs"),
    ],
)
def test_too_few_images_are_refused_with_the_reason(
    enough: int, measure: Callable[[int], object], says: str
) -> None:
    measure(enough)

    with pytest.raises(TooFewImagesError) as refused:
        measure(enough - 1)
    message = str(refused.value)
    assert message.startswith(says)
    assert f"needs {enough} image" in message
    assert message.endswith(f"there are {enough - 1}")


def test_no_batches_are_too_few_images() -> None:
    with pytest.raises(TooFewImagesError):
        Gaussian.of_batches([])


# Graded damage: 8 classes, each a cluster of features; a classifier that knows the centres

CENTRES = normal(8, 16, seed=99) * 2


def outputs(num: int, seed: int, noise: float = 0, num_modes: int = 8) -> Values:
    """Drawn from the first of the classes, evenly; noise of 1 is as wide as a class."""
    clean = CENTRES[np.arange(num) % num_modes] + normal(num, 16, seed)
    return clean + noise * normal(num, 16, seed + 1)


def classified(features: Values) -> Values:
    scores = -np.square(features[:, None] - CENTRES).sum(axis=2) / 16
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def every_metric(translated: Values) -> dict[str, float]:
    real = outputs(400, seed=0)
    found = prdc(real, translated)
    return {
        "fid": fid_of(real, translated),
        "kid": kid(real, translated, seed=0, num_subsets=20)[0],
        "inception score": inception_score(classified(translated), seed=0, num_splits=1)[0],
        "precision": found.precision.mean(),
        "recall": found.recall.mean(),
        "density": found.density.mean(),
        "coverage": found.coverage.mean(),
        "diversity": diversity(translated),
    }


def assert_moves(found: list[dict[str, float]], signs: dict[str, int]) -> None:
    """Each metric rises (1) or falls (-1) from each degree of damage to the next."""
    for name, sign in signs.items():
        values = [degree[name] for degree in found]
        assert all(sign * (b - a) > 0 for a, b in pairwise(values)), f"{name}: {values}"


def test_more_noise_is_worse() -> None:
    found = [every_metric(outputs(400, seed=5, noise=noise)) for noise in (0, 0.5, 1, 2)]

    assert_moves(
        found,
        {
            "fid": 1,
            "kid": 1,
            "inception score": -1,
            "precision": -1,
            "density": -1,
            "coverage": -1,
            "diversity": 1,
        },
    )


def test_fewer_modes_are_worse_though_each_output_stays_plausible() -> None:
    found = [every_metric(outputs(400, seed=5, num_modes=modes)) for modes in (8, 6, 4, 2, 1)]

    assert_moves(
        found,
        {
            "fid": 1,
            "kid": 1,
            "inception score": -1,
            "recall": -1,
            "coverage": -1,
            "diversity": -1,
        },
    )
    assert min(degree["precision"] for degree in found) > 0.8


def test_predictions_that_are_less_certain_score_lower() -> None:
    certain = classified(outputs(400, seed=5))
    blends = [blend / 8 + (1 - blend) * certain for blend in (0, 0.2, 0.4, 0.8, 1)]

    scores = [inception_score(blend, seed=0)[0] for blend in blends]

    assert scores == sorted(scores, reverse=True)
    assert scores[-1] == pytest.approx(1)


def test_outputs_that_are_drawn_to_training_images_are_marked_more_often() -> None:
    training, others = normal(100, 8, seed=1), normal(100, 8, seed=2)
    fresh = normal(100, 8, seed=3)

    shares = [
        nearer_to_training((1 - pull) * fresh + pull * training, training, others).mean()
        for pull in (0, 0.3, 0.6, 1)
    ]

    assert shares == sorted(shares)
    assert 0.3 < shares[0] < 0.7
    assert shares[-1] == 1
