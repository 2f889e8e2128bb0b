"""Poses that differ: the farthest from all before, again and again."""

import numpy as np

from funit.service.diverse import farthest


def test_points_of_three_heaps_come_from_each_heap_first() -> None:
    random = np.random.default_rng(0)
    heaps = np.repeat(np.array([[0, 0], [10, 0], [0, 10]], np.float32), 5, axis=0)
    points = heaps + random.normal(0, 0.1, heaps.shape).astype(np.float32)

    for seed in range(5):
        chosen = farthest(points, 3, seed)

        assert {n // 5 for n in chosen} == {0, 1, 2}
        assert chosen == farthest(points, 3, seed)


def test_each_point_is_chosen_once_and_no_more_than_there_are() -> None:
    points = np.zeros((4, 2), np.float32)

    assert sorted(farthest(points, 9)) == [0, 1, 2, 3]
