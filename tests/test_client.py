"""The client of a service that runs, with the verbs of Translator."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from PIL import Image

from funit import Client, Translator, UserError
from funit.errors import NotThereError
from funit.service.app import create_app
from funit.service.services import open_services
from funit.service.settings import ServiceSettings


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A service that runs."""
    database = f"sqlite:///{tmp_path / 'funit.db'}"
    settings = ServiceSettings(
        database_url=database, storage_url=str(tmp_path / "storage"), keys="none"
    )
    with socket.socket() as listening, open_services(settings) as services:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(services), log_level="error"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)


def picture(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.kron(random.integers(0, 255, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def test_it_says_what_a_translator_says(url: str, tmp_path: Path) -> None:
    translator = Translator.load("default")
    path = tmp_path / "content.png"
    Image.fromarray(picture(9)).save(path)
    wanted = translator.translate(path, translator.encode_class([picture(1), picture(2)]))

    with Client(url) as client:
        look = client.encode_class([picture(1), picture(2)], name="mine")
        image = client.translate(path, look)
        several = client.translate([path, picture(3)], look, size=32)

        assert np.abs(np.asarray(image).astype(int) - np.asarray(wanted)).max() <= 1
        assert [each.size for each in several] == [(32, 32), (32, 32)]
        assert client.translate([], look) == []
        assert client.looks() == [look]


def test_looks_and_poses_are_kept_blended_and_removed(url: str) -> None:
    with Client(url, model="default") as client:
        look = client.encode_class(picture(1))
        more = client.add_examples(look, [picture(2)])
        blend = client.blend([more, "2"], weights=[1, 3])
        pose = client.add_pose(picture(3), name="mine")
        gallery = client.gallery()

        assert (more.id, more.num_examples, blend.num_examples) == (look.id, 2, 3)
        images = client.draw([pose, gallery["poses"][0]], blend)
        assert [each.size for each in images] == [(64, 64), (64, 64)]
        assert len(client.suggest_poses(5)) == 5

        client.remove_pose(pose)
        client.remove_look(more)
        assert (client.poses(), client.looks()) == ([], [blend])


def test_what_is_wrong_comes_as_the_errors_of_funit(url: str) -> None:
    with Client(url) as client, pytest.raises(NotThereError, match="no look `nobody`"):
        client.translate(picture(1), "nobody")
    with Client(url) as client, pytest.raises(UserError, match="cannot be read"):
        client.encode_class("no-such-file.png")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Client(nobody) as client, pytest.raises(UserError, match="does not answer"):
            client.looks()
