"""Which class images show."""

from collections.abc import Mapping, Sequence

from funit.client.connection import Answer, Connection, given
from funit.client.datasets import DataSetVersion
from funit.client.sources import ImageSource, files_of


class ClassScore(Answer):
    """A class, and how sure it is, 0..1."""

    cls: str
    score: float


class Classified(Answer):
    """What an image shows."""

    name: str
    cls: str | None
    """None: none of them."""
    score: float
    """0..1, of the likeliest class."""
    classes: tuple[ClassScore, ...]
    """The ten likeliest; what all of them miss to 1 is "none of them"."""


class Classifications(Answer):
    """What images show, in their order."""

    threshold: float
    items: tuple[Classified, ...]
    added_to: DataSetVersion | None
    """The version of the data set with the images that were added."""


class Classifying(Connection):
    """The verb of `Recogniser`."""

    def classify(
        self,
        images: ImageSource | Sequence[ImageSource],
        known: Mapping[str, ImageSource | Sequence[ImageSource]] | str,
        *,
        threshold: float | None = None,
        add_to: str | None = None,
        part: str = "",
    ) -> Classifications:
        """The class of each image, or none of them.

        `known` shows examples of each class, or is a data set, as NAME or NAME@VERSION. Images that
        reach the threshold join the data set `add_to`, those of classes new to it in `part`.
        """
        files, classes = files_of("images", images), list[str]()
        for name, examples in {} if isinstance(known, str) else known.items():
            shown = files_of("examples", examples)
            files, classes = files + shown, classes + [name] * len(shown)
        form = given(
            classes=classes or None,
            dataset=known if isinstance(known, str) else None,
            model=self.model,
            threshold=threshold,
            add_to=add_to,
            part=part or None,
        )
        return self._one(Classifications, "POST", "/v1/classifications", data=form, files=files)
