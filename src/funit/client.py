"""A service of funit from Python: the verbs of `Translator`, computed elsewhere.

    client = Client("http://localhost:8000", key="funit_...")
    look = client.encode_class(["fox-1.png", "fox-2.png"])  # kept by the service
    client.translate("cat.png", look).save("cat-as-fox.png")

Needs `funit[serve]`, but neither PyTorch nor any other engine.
"""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self, overload

import numpy as np
from PIL import Image

from funit.errors import ConflictError, NotThereError, UserError

try:
    import httpx2
except ImportError:
    raise UserError(
        "`httpx2` is not installed", hint="`pip install 'funit[serve]'` brings it"
    ) from None

ImageSource = str | Path | bytes | Image.Image | np.ndarray
DEFAULT_URL = "http://127.0.0.1:8000"

_ERRORS = {404: NotThereError, 409: ConflictError}
_File = tuple[str, tuple[str, bytes]]


@dataclass(frozen=True)
class SavedLook:
    """A look that the service keeps."""

    id: str
    name: str | None
    model: str
    num_examples: int


@dataclass(frozen=True)
class SavedPose:
    """A picture that the service keeps for its pose."""

    id: str
    name: str | None
    width: int
    height: int


class Client:
    """What a service answers; every error that it answers with is a UserError."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        key: str | None = None,
        *,
        model: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        """`key` is `$FUNIT_KEY` where none is given; `model` is the one of every call."""
        self.model = model
        key = key or os.environ.get("FUNIT_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx2.Client(base_url=url, headers=headers, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections."""
        self._http.close()

    # ------------------------------------------------------------------ looks

    def encode_class(
        self,
        images: ImageSource | Sequence[ImageSource],
        weights: Sequence[float] | None = None,
        name: str | None = None,
    ) -> SavedLook:
        """Makes and keeps the look that the images show."""
        form = _given(name=name, model=self.model, weights=weights)
        return _look(self._json("POST", "/v1/looks", data=form, files=_files("examples", images)))

    def add_examples(
        self, look: SavedLook, images: ImageSource | Sequence[ImageSource]
    ) -> SavedLook:
        """The look, with these images among its examples from now on."""
        path = f"/v1/looks/{look.id}/examples"
        return _look(self._json("POST", path, files=_files("examples", images)))

    def blend(
        self,
        looks: Sequence[SavedLook | str],
        weights: Sequence[float] | None = None,
        name: str | None = None,
    ) -> SavedLook:
        """Makes and keeps a look between others; a `str` is one of the model's gallery."""
        body = _given(looks=list(map(_named, looks)), weights=weights, name=name, model=self.model)
        return _look(self._json("POST", "/v1/looks/blend", json=body))

    def looks(self) -> list[SavedLook]:
        """The looks that are kept, the newest first."""
        return list(map(_look, self._all("/v1/looks")))

    def remove_look(self, look: SavedLook) -> None:
        """Drops a look."""
        self._answer("DELETE", f"/v1/looks/{look.id}")

    # ------------------------------------------------------------------ poses

    def add_pose(self, image: ImageSource, name: str | None = None) -> SavedPose:
        """Keeps a picture for its pose."""
        files = _files("content", [image])
        return _pose(self._json("POST", "/v1/poses", data=_given(name=name), files=files))

    def poses(self) -> list[SavedPose]:
        """The poses that are kept, the newest first."""
        return list(map(_pose, self._all("/v1/poses")))

    def remove_pose(self, pose: SavedPose) -> None:
        """Drops a pose."""
        self._answer("DELETE", f"/v1/poses/{pose.id}")

    def suggest_poses(self, count: int = 8, seed: int = 0) -> list[str]:
        """Poses that differ much, for `draw`."""
        asked = _given(count=count, seed=seed, model=self.model)
        return [each["pose"] for each in self._json("GET", "/v1/poses/suggest", params=asked)]

    def gallery(self) -> dict[str, Any]:
        """The names of the poses and looks that the model brings."""
        body: dict[str, Any] = self._json("GET", "/v1/gallery", params=_given(model=self.model))
        return body

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
        form = _given(look=_named(look), size=size, model=self.model)
        if not _is_one(content) and not _several(content):
            return []
        images = self._images(form, _files("content", content))
        return images[0] if _is_one(content) else images

    def draw(
        self, poses: Sequence[SavedPose | str], look: SavedLook | str, *, size: int | None = None
    ) -> list[Image.Image]:
        """Draws poses that are kept, or, by their names, of the model's gallery."""
        if not poses:
            return []
        form = _given(pose=list(map(_named, poses)), look=_named(look), size=size, model=self.model)
        return self._images(form, [])

    def _images(self, form: dict[str, Any], files: Sequence[_File]) -> list[Image.Image]:
        answer = self._answer("POST", "/v1/translations", data=form, files=files)
        if answer.headers["content-type"].startswith("image/"):
            return [_opened(answer.content)]
        return [_opened(base64.b64decode(each["image"])) for each in answer.json()["images"]]

    # ------------------------------------------------------------------- HTTP

    def _all(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while page := self._json("GET", path, params={"limit": 1000, "offset": len(found)}):
            found += page
        return found

    def _json(self, method: str, path: str, **given: Any) -> Any:
        return self._answer(method, path, **given).json()

    def _answer(self, method: str, path: str, **given: Any) -> httpx2.Response:
        try:
            answer = self._http.request(method, path, **given)
        except httpx2.HTTPError as error:
            raise UserError(
                f"`{self._http.base_url}` does not answer: {error or type(error).__name__}",
                hint="check the address, and that `funit serve` runs there",
            ) from None
        if answer.is_success:
            return answer
        raise _error(answer)


def _error(answer: httpx2.Response) -> UserError:
    kind = _ERRORS.get(answer.status_code, UserError)
    try:
        body = answer.json()
        return kind(body["error"], hint=body["hint"])
    except (ValueError, KeyError, TypeError):  # something between answered, and no funit
        text = answer.text.strip()[:200]
        return kind(f"the service answers {answer.status_code}: {text}", hint="check the address")


def _look(body: dict[str, Any]) -> SavedLook:
    return SavedLook(body["id"], body["name"], body["model"], body["num_examples"])


def _pose(body: dict[str, Any]) -> SavedPose:
    return SavedPose(body["id"], body["name"], body["width"], body["height"])


def _named(thing: SavedLook | SavedPose | str) -> str:
    return thing if isinstance(thing, str) else thing.id


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _opened(file: bytes) -> Image.Image:
    image = Image.open(BytesIO(file))
    image.load()
    return image


def _files(field: str, images: ImageSource | Sequence[ImageSource]) -> list[_File]:
    return [(field, _file(image, f"image-{n}")) for n, image in enumerate(_several(images), 1)]


def _file(image: ImageSource, name: str) -> tuple[str, bytes]:
    if isinstance(image, bytes):
        return name, image
    if isinstance(image, str | Path):
        try:
            return Path(image).name, Path(image).read_bytes()
        except OSError as error:
            raise UserError(
                f"`{image}` cannot be read: {error.strerror}", hint="check the path"
            ) from None
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    file = BytesIO()
    picture.save(file, "PNG")
    return name, file.getvalue()


def _is_one(images: Any) -> bool:
    return isinstance(images, str | Path | bytes | Image.Image | np.ndarray)


def _several(images: Any) -> list[Any]:
    return [images] if _is_one(images) else list(images)
