"""The verbs of Translator, computed by a service that runs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load

from funit import Client, Translator
from funit.errors import NotThereError


def picture(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.kron(random.integers(0, 255, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def test_it_says_what_a_translator_says(client: Client, tmp_path: Path) -> None:
    translator = Translator.load("default")
    path = tmp_path / "content.png"
    Image.fromarray(picture(9)).save(path)
    wanted = translator.translate(path, translator.encode_class([picture(1), picture(2)]))

    look = client.encode_class([picture(1), picture(2)], name="mine")
    image = client.translate(path, look)
    several = client.translate([path, picture(3)], look, size=32)

    assert np.abs(np.asarray(image).astype(int) - np.asarray(wanted)).max() <= 1
    assert [each.size for each in several] == [(32, 32), (32, 32)]
    assert client.translate([], look) == []


def test_looks_are_kept_found_added_to_blended_and_removed(client: Client) -> None:
    look = client.encode_class(picture(1), name="mine")
    more = client.add_examples(look.id, [picture(2), picture(3)], weights=[1, 2])
    blend = client.blend([more, "2"], weights=[1, 3])

    assert (look.name, look.num_examples, look.weights) == ("mine", 1, (1.0,))
    assert (more.id, more.num_examples, blend.num_examples) == (look.id, 3, 4)
    assert client.looks()[:2] == [blend, more]
    assert client.find_look(look) == more
    assert client.look_thumbnail(blend).size == (64, 64)
    assert load(client.look_codes(blend))["3.class_code"].shape == (1, 64)

    client.remove_look(more)
    with pytest.raises(NotThereError, match=f"no look `{look.id}`"):
        client.find_look(look)
    client.remove_look(blend.id)


def test_poses_are_kept_shown_drawn_and_removed(client: Client) -> None:
    pose = client.add_pose(picture(3), name="mine")
    gallery = client.gallery()

    assert (client.find_pose(pose.id), client.poses()[0]) == (pose, pose)
    assert np.array_equal(np.asarray(client.pose_image(pose)), picture(3))
    images = client.draw([pose, gallery.poses[0]], gallery.looks[1])
    assert [each.size for each in images] == [(64, 64), (64, 64)]
    assert client.draw([], "1") == []
    assert client.gallery_image(gallery.poses[0], gallery.looks[1]) == images[1]
    assert len(set(client.suggest_poses(5))) == 5

    client.remove_pose(pose)
    assert pose not in client.poses()


def test_all_of_many_are_listed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [client.add_pose(picture(n)) for n in range(3)]
    pages = []
    asked = client._json

    def two_at_a_time(method: str, path: str, **given: dict[str, int]) -> list[dict[str, object]]:
        pages.append(asked(method, path, params={**given["params"], "limit": 2}))
        return pages[-1]

    monkeypatch.setattr(client, "_json", two_at_a_time)

    assert client.poses()[:3] == kept[::-1]
    assert len(pages) > 2
    for pose in kept:
        client.remove_pose(pose)
