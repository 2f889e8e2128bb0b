"""The data of the trials: classes kept back to choose by, and how many others are learned from."""

import random
import zipfile
from collections.abc import Iterable
from pathlib import Path

NUM_KEPT_BACK, SEED = 30, 0


def divide(given: Path, out: Path, num_classes: int | None = None) -> None:
    """The seen classes of a zip alone, some of them as unseen ones, and `num_classes` as seen.

    Choosing must not look at the data's own unseen classes. The same are kept back whatever
    `num_classes` is, and fewer seen classes are among the more; all of them unless it is given.
    """
    with zipfile.ZipFile(given) as source, zipfile.ZipFile(out, "w") as divided:
        files = [name for name in source.namelist() if name[-1] != "/"]
        has_parts = any(name.startswith("seen/") for name in files)
        if has_parts:
            files = [name.removeprefix("seen/") for name in files if name.startswith("seen/")]
        kept_back, others = _shares({name.split("/")[0] for name in files}, has_parts, given)
        if not 0 <= (num_classes or 0) <= len(others):
            raise SystemExit(f"`{given}` has {len(others)} classes to learn from beside those")
        parts = dict.fromkeys(kept_back, "unseen") | dict.fromkeys(others[:num_classes], "seen")
        for name in files:
            if part := parts.get(name.split("/")[0]):
                divided.writestr(f"{part}/{name}", source.read("seen/" * has_parts + name))


def _shares(classes: Iterable[str], has_parts: bool, given: Path) -> tuple[list[str], list[str]]:
    """The classes that are kept back, and the others in the order in which they are taken."""
    if not has_parts:  # a menagerie: its species are drawn by chance, one after the other
        try:
            numbered = sorted(classes, key=lambda name: int(name.partition("-")[0]))
        except ValueError:
            raise SystemExit(f"`{given}` has no folder `seen`, and is no menagerie") from None
        return numbered[:NUM_KEPT_BACK], numbered[NUM_KEPT_BACK:]
    kept_back = random.Random(SEED).sample(sorted(classes), NUM_KEPT_BACK)
    others = sorted(set(classes) - set(kept_back))
    random.Random(SEED + 1).shuffle(others)
    return kept_back, others
