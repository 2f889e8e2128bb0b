"""A feature network that remembers: images in; their features and how far apart they are out.

Shapes: N images, H x W pixels, D features.

What a network has seen once is kept under `$FUNIT_HOME/features`, by the SHA-256 of the image's
pixels: an evaluation that was stopped goes on where it was, models share what they have in common,
and a figure can never come from another image than the one it stands for.
"""

import hashlib
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from funit.errors import UserError
from funit.evaluation.metrics import Images, Mask, Values
from funit.evaluation.perceptual import content_map, dipd, perceptual_distance
from funit.feature_networks import FeatureNetwork
from funit.home import home

FORMAT = 2  # of the files of features; a change of what is computed is a new number too

_KEPT_MAPS = 160  # images whose maps are in memory: about 100 MB of EfficientNet-lite0
_AT_ONCE = 16  # images that the network is asked for together
_LOOKED_UP = 500  # keys in one question to SQLite
_PATIENCE = 60  # seconds that one process waits for another's writing

T = TypeVar("T")
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Comparison:
    """How far translations are from their content images and from the truth, a value an image."""

    dipd: Values
    """(N,): from the content image."""
    perceptual: Values
    """(N,): from the truth; NaN where it is not known."""
    perceptual_foreground: Values


class Judge:
    """A feature network with a memory."""

    def __init__(self, network: FeatureNetwork) -> None:
        self.network = network
        self.name = network.name
        self._memory = _Memory(home() / "features" / _file_name(network))
        self._maps: OrderedDict[bytes, list[torch.Tensor]] = OrderedDict()
        self.first = slice(0, network.feature_size)
        """Which of the D features are the means of the last map."""
        self.num_features = self.features(np.zeros((1, 16, 16, 3), np.uint8)).shape[1]
        self.middle = slice(network.feature_size, self.num_features)
        """Which are the means of the map that DIPD looks at: fewer, so FID needs fewer images."""

    def features(self, images: Images) -> Rows:
        """(N, H, W, 3) -> (N, D): the means of the last map, then those of the content map."""
        keys = [_key(image) for image in images]
        known = self._memory.features(keys)
        missing = {key: i for i, key in enumerate(keys) if key not in known}
        for some in _chunks(missing, _AT_ONCE):
            known |= self._look(images[[missing[key] for key in some]], some)
        return np.stack([known[key] for key in keys])

    def compare(
        self,
        translations: Images,
        contents: Images,
        truths: Images | None,
        masks: Mask | None,
    ) -> Comparison:
        """Translations with their content images and, where it is known, with the truth.

        `masks` (N, H, W) are of the truth's foreground. Values are in the order of the images.
        """
        empty = b""
        truth_keys = [empty] * len(contents) if truths is None else [_key(i) for i in truths]
        trios = list(
            zip(
                [_key(i) for i in translations],
                [_key(i) for i in contents],
                truth_keys,
                strict=True,
            )
        )
        keys = [hashlib.sha256(b"".join(trio)).digest() for trio in trios]
        known = self._memory.comparisons(keys)
        missing = [i for i, key in enumerate(keys) if key not in known]
        for some in _chunks(missing, _AT_ONCE):
            compared = self._compare(
                [trios[i] for i in some],
                translations[some],
                contents[some],
                None if truths is None else truths[some],
                None if masks is None else masks[some],
            )
            found = dict(zip([keys[i] for i in some], compared, strict=True))
            self._memory.add_comparisons(found)
            known |= found
        columns = np.array([known[key] for key in keys], dtype=np.float64).reshape(-1, 3)
        return Comparison(*columns.T)

    def _compare(
        self,
        trios: Sequence[tuple[bytes, bytes, bytes]],
        translations: Images,
        contents: Images,
        truths: Images | None,
        masks: Mask | None,
    ) -> list[tuple[float, float, float]]:
        translated_keys, content_keys, truth_keys = (
            list(keys) for keys in zip(*trios, strict=True)
        )
        translated = self._maps_of(translations, translated_keys)
        content = self._maps_of(contents, content_keys)
        distances = [dipd(content, translated)]
        if truths is None:
            distances += [np.full(len(trios), np.nan)] * 2
        else:
            truth = self._maps_of(truths, truth_keys)
            distances += [
                perceptual_distance(truth, translated),
                perceptual_distance(truth, translated, masks),
            ]
        return [(float(a), float(b), float(c)) for a, b, c in zip(*distances, strict=True)]

    def _maps_of(self, images: Images, keys: Sequence[bytes]) -> list[torch.Tensor]:
        """The maps of images, computed once while they are among the last that were asked for."""
        missing = {}
        for i, key in enumerate(keys):
            if key in self._maps:
                self._maps.move_to_end(key)  # what is asked for now is not what is forgotten
            else:
                missing[key] = i
        if missing:
            self._look(images[list(missing.values())], list(missing))
        each = [self._maps[key] for key in keys]
        return [torch.stack(same) for same in zip(*each, strict=True)]

    def _look(self, images: Images, keys: Sequence[bytes]) -> Mapping[bytes, Rows]:
        """Runs the network, and remembers."""
        seen = self.network(images)
        middle = seen.maps[content_map(seen.maps)].mean(dim=(2, 3)).cpu().numpy()
        rows = dict(zip(keys, np.concatenate([seen.pooled, middle], axis=1), strict=True))
        self._memory.add_features(rows)
        for i, key in enumerate(keys):
            self._maps[key] = [features[i] for features in seen.maps]
        while len(self._maps) > _KEPT_MAPS:
            self._maps.popitem(last=False)
        return rows


class _Memory:
    """Features and distances in one SQLite file, which several processes may use at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with self._explained():
            self._database = _opened(path)

    def features(self, keys: Sequence[bytes]) -> dict[bytes, Rows]:
        """Those that are known."""
        rows = self._select("SELECT key, value FROM features WHERE key IN", keys)
        return {key: np.frombuffer(value, dtype=np.float32) for key, value in rows}

    def comparisons(self, keys: Sequence[bytes]) -> dict[bytes, tuple[float, ...]]:
        """Those that are known."""
        rows = self._select("SELECT key, value FROM comparisons WHERE key IN", keys)
        return {key: tuple(np.frombuffer(value, dtype=np.float64)) for key, value in rows}

    def add_features(self, rows: Mapping[bytes, Rows]) -> None:
        self._insert(
            "features", {key: row.astype(np.float32).tobytes() for key, row in rows.items()}
        )

    def add_comparisons(self, rows: Mapping[bytes, tuple[float, ...]]) -> None:
        self._insert("comparisons", {k: np.array(v, np.float64).tobytes() for k, v in rows.items()})

    def _select(self, question: str, keys: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = []
        with self._explained():
            for some in _chunks(dict.fromkeys(keys), _LOOKED_UP):
                marks = ",".join("?" * len(some))
                found += self._database.execute(f"{question} ({marks})", some).fetchall()
        return found

    def _insert(self, table: str, rows: Mapping[bytes, bytes]) -> None:
        command = f"INSERT OR IGNORE INTO {table} (key, value) VALUES (?, ?)"
        with self._explained(), self._database:
            self._database.executemany(command, rows.items())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            hint = "remove the file: it is only a cache, and is made anew"
            if _is_busy(error):
                hint = "another evaluation writes there: try again when it has ended"
            raise UserError(
                f"the features in `{self._path}` cannot be used: {error}", hint=hint
            ) from None


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_PATIENCE)
    _let_several_write(database)
    database.execute("PRAGMA synchronous = NORMAL")  # a lost line is computed again
    for table in ("features", "comparisons"):
        database.execute(
            f"CREATE TABLE IF NOT EXISTS {table} (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"
        )
    return database


def _let_several_write(database: sqlite3.Connection) -> None:
    """Switches to a log of writes; SQLite itself does not wait for another that does so too."""
    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > give_up:
                raise
        time.sleep(0.01)


def _is_busy(error: sqlite3.Error) -> bool:
    # an error of Python's module, rather than of SQLite, has no code
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    every = list(items)
    for start in range(0, len(every), size):
        yield every[start : start + size]


def _file_name(network: FeatureNetwork) -> str:
    """Another network, device or way of computing has a file of its own."""
    return f"{network.name}-{network.sha256[:8]}-{network.device_type}-{FORMAT}.sqlite"


def _key(image: Images) -> bytes:
    """The name of an image's pixels."""
    height, width = image.shape[:2]
    return hashlib.sha256(b"%d %d " % (height, width) + image.tobytes()).digest()
