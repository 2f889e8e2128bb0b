"""Data sets of a service that runs."""

from pathlib import Path

import numpy as np
import pytest

from funit import Client, UserError
from funit.data.catalog import read_catalog
from funit.errors import ConflictError, NotThereError


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (16, 16, 3)).astype(np.uint8)


def test_a_zip_is_sent_with_its_progress_listed_and_forgotten(client: Client, zoo: Path) -> None:
    told: list[tuple[int, int]] = []

    sent = client.upload_dataset("sent", zoo, lambda done, total: told.append((done, total)))

    size = zoo.stat().st_size
    assert told == sorted(told)
    assert told[-1] == (size, size)
    assert {total for _, total in told} == {size}
    assert (sent.origin, sent.newest.num_images, len(sent.versions)) == ("upload", 40, 1)
    assert sent.newest.fingerprint == read_catalog(zoo).fingerprint
    assert {dataset.name for dataset in client.datasets()} >= {"sent"}
    assert [each.num_images for each in client.dataset_classes("sent")] == [5] * 8
    with pytest.raises(ConflictError):
        client.upload_dataset("sent", zoo)
    client.remove_dataset("sent")
    with pytest.raises(NotThereError):
        client.find_dataset("sent")


def test_images_are_listed_shown_added_and_removed(client: Client, zoo: Path) -> None:
    client.upload_dataset("grown", zoo)
    cls = client.dataset_classes("grown")[0].cls
    (first, *_) = client.dataset_images("grown", cls=cls)

    added = client.add_images("grown", "fox", [picture(1), picture(2)])
    more = client.add_images("grown", "fox", [picture(3), b"no image"])

    assert (added.num_added, added.version.version) == (2, 2)
    assert (more.num_added, [each.reason for each in more.problems]) == (1, ["is not an image"])
    foxes = list(client.dataset_images("grown", cls="fox"))
    assert len({fox.name for fox in foxes}) == 3
    assert client.dataset_thumbnail("grown", foxes[0], 128).size == (16, 16)
    assert client.remove_image("grown", foxes[0]).version == 4
    assert client.remove_image("grown", first.id).version == 5
    assert len(list(client.dataset_images("grown"))) == 41
    assert len(list(client.dataset_images("grown", 1))) == 40
    assert len(client.find_dataset("grown", 3).versions) == 5


def test_a_folder_of_the_server_is_registered(client: Client, data_root: Path) -> None:
    made = client.register_dataset("local", "zoo")

    assert (made.origin, made.newest.num_images) == ("folder", 40)
    with pytest.raises(UserError, match="/etc"):
        client.register_dataset("other", "/etc")


def test_more_images_than_a_page_holds_are_all_listed(client: Client, tmp_path: Path) -> None:
    for n in range(3):
        client.upload_dataset(f"page-{n}", _many(tmp_path / f"{n}.zip", 520 if n == 0 else 2))

    images = list(client.dataset_images("page-0"))

    assert len(images) == len({image.id for image in images}) == 520


def _many(path: Path, count: int) -> Path:
    import io
    import zipfile

    from PIL import Image

    with zipfile.ZipFile(path, "w") as file:
        for n in range(count):
            content = io.BytesIO()
            Image.new("RGB", (8, 8), (n % 256, n // 256, 7)).save(content, "PNG")
            file.writestr(f"class-{n % 2}/{n}.png", content.getvalue())
    return path


def test_what_cannot_be_sent_is_said_before(client: Client, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        client.upload_dataset("nothing", tmp_path / "no.zip")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        client.upload_dataset("nothing", tmp_path)
