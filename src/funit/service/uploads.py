"""Pictures that clients send, and those that they get.

What comes in is held against the limits before it is decoded, and what goes out is always encoded
anew: no byte of an upload is ever served. Decoding and encoding run in threads, so that the loop,
which answers everybody, never waits for them; no more of them at once than there are processors,
because a decoded picture may have 120 MB.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request, Response, UploadFile
from PIL.Image import Image

from funit.data.images import FORMATS, encode_image, read_image
from funit.errors import LimitError
from funit.service.metrics import Metrics
from funit.service.settings import MIB, Limits

T = TypeVar("T")
ImageFormat = Literal["png", "webp", "jpeg"]
MEDIA_TYPES: dict[ImageFormat, str] = {f: f"image/{f}" for f in ("png", "webp", "jpeg")}


@dataclass(frozen=True)
class Uploads:
    """Reads pictures within the limits of a service, and encodes them."""

    limits: Limits
    metrics: Metrics
    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(os.cpu_count() or 1))

    async def read(self, file: UploadFile) -> Image:
        """The picture, upright, in mode RGB.

        Raises LimitError where it is larger than allowed, UserError where it is no picture.
        """
        return await self._read(file, _as_it_is)

    async def read_all(
        self, files: Sequence[UploadFile], what: str, at_most: int, then: Callable[[Image], T]
    ) -> list[T]:
        """What `then` makes of each picture; LimitError where there are more than `at_most`.

        `what` is the name of the field. `then` runs beside the decoder, one picture at a time: so
        a request with many large pictures needs the memory of one, if `then` makes it small.
        """
        if len(files) > at_most:
            raise LimitError(
                f"`{what}` has {len(files)} pictures: the limit is {at_most}",
                hint="send fewer in one request",
            )
        return [await self._read(file, then) for file in files]

    async def encode(self, image: Image, file_format: ImageFormat = "png") -> bytes:
        """The picture as a file, without anything but its pixels."""
        return await self._in_thread(self._encode, image, file_format)

    async def answer(self, image: Image, file_format: ImageFormat = "png") -> Response:
        """The picture as an answer."""
        content = await self.encode(image, file_format)
        return Response(content, media_type=MEDIA_TYPES[file_format])

    async def _read(self, file: UploadFile, then: Callable[[Image], T]) -> T:
        name = file.filename or "the image"
        if (file.size or 0) > self.limits.upload_bytes:
            raise LimitError(
                f"`{name}` has more than {self.limits.upload_bytes / MIB:g} MiB",
                hint="make it smaller; the model sees a few hundred pixels a side anyway",
            )
        content = await file.read()
        return await self._in_thread(self._decode, content, name, then)

    def _decode(self, content: bytes, name: str, then: Callable[[Image], T]) -> T:
        with self.metrics.timed("read"):
            return then(read_image(content, max_pixels=self.limits.pixels, name=name))

    def _encode(self, image: Image, file_format: ImageFormat) -> bytes:
        with self.metrics.timed("encode"):
            return encode_image(image, FORMATS[f".{file_format}"])

    async def _in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(call, *arguments, limiter=self.threads)


def _as_it_is(image: Image) -> Image:
    return image


def _uploads_of(request: Request) -> Uploads:
    uploads: Uploads = request.app.state.uploads
    return uploads


UploadsOf = Annotated[Uploads, Depends(_uploads_of)]
