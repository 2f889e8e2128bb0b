"""Looks, poses, galleries and translations."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any, overload

from PIL import Image

from funit.client.connection import Answer, Connection, given, read, word
from funit.client.sources import File, ImageSource, files_of, is_one, opened, several


class SavedLook(Answer):
    """A look that the service keeps."""

    id: str
    name: str | None
    model: str
    num_examples: int
    weights: tuple[float, ...]
    """What each example counts; 1 is the mean."""
    created_at: datetime


class SavedPose(Answer):
    """A picture that the service keeps for its pose."""

    id: str
    name: str | None
    width: int
    height: int
    created_at: datetime


class Gallery(Answer):
    """The names of the poses and looks that a model brings."""

    model: str
    data: str
    poses: tuple[str, ...]
    looks: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]
    """Poses that belong together, as the frames of a walk."""


class Translations(Connection):
    """The verbs of `Translator`, and what the service keeps for them."""

    # ------------------------------------------------------------------ looks

    def encode_class(
        self,
        images: ImageSource | Sequence[ImageSource],
        weights: Sequence[float] | None = None,
        name: str | None = None,
    ) -> SavedLook:
        """Makes and keeps the look that the images show."""
        form = given(name=name, model=self.model, weights=weights)
        files = files_of("examples", images)
        return self._one(SavedLook, "POST", "/v1/looks", data=form, files=files)

    def add_examples(
        self,
        look: SavedLook | str,
        images: ImageSource | Sequence[ImageSource],
        weights: Sequence[float] | None = None,
    ) -> SavedLook:
        """The look, with these images among its examples from now on."""
        path = f"/v1/looks/{word(_named(look))}/examples"
        form, files = given(weights=weights), files_of("examples", images)
        return self._one(SavedLook, "POST", path, data=form, files=files)

    def blend(
        self,
        looks: Sequence[SavedLook | str],
        weights: Sequence[float] | None = None,
        name: str | None = None,
    ) -> SavedLook:
        """Makes and keeps a look between others; a `str` is one of the model's gallery."""
        body = given(looks=list(map(_named, looks)), weights=weights, name=name, model=self.model)
        return self._one(SavedLook, "POST", "/v1/looks/blend", json=body)

    def looks(self) -> list[SavedLook]:
        """The looks that are kept, the newest first."""
        return [read(SavedLook, each) for each in self._all("/v1/looks")]

    def find_look(self, look: SavedLook | str) -> SavedLook:
        """A look as it is now, by its id."""
        return self._one(SavedLook, "GET", f"/v1/looks/{word(_named(look))}")

    def look_thumbnail(self, look: SavedLook | str) -> Image.Image:
        """The first pose of the model's gallery in this look; without one, an uploaded pose."""
        answer = self._answer("GET", f"/v1/looks/{word(_named(look))}/thumbnail")
        return opened(answer.content)

    def look_codes(self, look: SavedLook | str) -> bytes:
        """What a look is made of, in safetensors: `N.PART` is a part of the Nth example's."""
        return self._answer("GET", f"/v1/looks/{word(_named(look))}/codes").content

    def remove_look(self, look: SavedLook | str) -> None:
        """Drops a look."""
        self._answer("DELETE", f"/v1/looks/{word(_named(look))}")

    # ------------------------------------------------------------------ poses

    def add_pose(self, image: ImageSource, name: str | None = None) -> SavedPose:
        """Keeps a picture for its pose."""
        form, files = given(name=name), files_of("content", [image])
        return self._one(SavedPose, "POST", "/v1/poses", data=form, files=files)

    def poses(self) -> list[SavedPose]:
        """The poses that are kept, the newest first."""
        return [read(SavedPose, each) for each in self._all("/v1/poses")]

    def find_pose(self, pose: SavedPose | str) -> SavedPose:
        """A pose that is kept, by its id."""
        return self._one(SavedPose, "GET", f"/v1/poses/{word(_named(pose))}")

    def pose_image(self, pose: SavedPose | str) -> Image.Image:
        """The picture of a pose that is kept."""
        return opened(self._answer("GET", f"/v1/poses/{word(_named(pose))}/image").content)

    def remove_pose(self, pose: SavedPose | str) -> None:
        """Drops a pose."""
        self._answer("DELETE", f"/v1/poses/{word(_named(pose))}")

    def suggest_poses(self, count: int = 8, seed: int = 0) -> list[str]:
        """Poses that differ much, for `draw`."""
        asked = given(count=count, seed=seed, model=self.model)
        return [each["pose"] for each in self._json("GET", "/v1/poses/suggest", params=asked)]

    # ---------------------------------------------------------------- gallery

    def gallery(self) -> Gallery:
        """What the model brings."""
        return self._one(Gallery, "GET", "/v1/gallery", params=given(model=self.model))

    def gallery_image(self, pose: str = "1", look: str = "1") -> Image.Image:
        """A pose of the gallery in a look of the gallery, each by its name or number."""
        asked = given(pose=pose, look=look, model=self.model)
        return opened(self._answer("GET", "/v1/gallery/image", params=asked).content)

    # ----------------------------------------------------------------- images

    @overload  # a str is also a sequence of str: it is one image
    def translate(  # type: ignore[overload-overlap]
        self, content: ImageSource, look: SavedLook | str, *, size: int | None = None
    ) -> Image.Image: ...
    @overload
    def translate(
        self, content: Sequence[ImageSource], look: SavedLook | str, *, size: int | None = None
    ) -> list[Image.Image]: ...
    def translate(
        self,
        content: ImageSource | Sequence[ImageSource],
        look: SavedLook | str,
        *,
        size: int | None = None,
    ) -> Image.Image | list[Image.Image]:
        """Redraws one image, or several, in a look; a `str` is one of the model's gallery."""
        form = given(look=_named(look), size=size, model=self.model)
        if not is_one(content) and not several(content):
            return []
        images = self._images(form, files_of("content", content))
        return images[0] if is_one(content) else images

    def draw(
        self, poses: Sequence[SavedPose | str], look: SavedLook | str, *, size: int | None = None
    ) -> list[Image.Image]:
        """Draws poses that are kept, or, by their names, of the model's gallery."""
        if not poses:
            return []
        form = given(pose=list(map(_named, poses)), look=_named(look), size=size, model=self.model)
        return self._images(form, [])

    def _images(self, form: dict[str, Any], files: Sequence[File]) -> list[Image.Image]:
        answer = self._answer("POST", "/v1/translations", data=form, files=files)
        if answer.headers["content-type"].startswith("image/"):
            return [opened(answer.content)]
        return [opened(base64.b64decode(each["image"])) for each in answer.json()["images"]]

    def _all(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while page := self._json("GET", path, params={"limit": 1000, "offset": len(found)}):
            found += page
        return found


def _named(thing: SavedLook | SavedPose | str) -> str:
    return thing if isinstance(thing, str) else thing.id
