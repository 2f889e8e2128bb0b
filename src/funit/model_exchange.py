"""Models as a folder or a zip for others, and back: with the file names of Hugging Face's hub.

    README.md              the card, under a header of licence and tags
    config.json            as model.json
    model.safetensors      the weights
    discriminator.safetensors, gallery.safetensors, if there are any
    onnx/                  the graphs, with the weights that they point into
    LICENSE

What comes in may come from anybody. Files of known names alone are taken, up to a size that is
counted while they are unpacked; nothing in them is code; everything is checked before it gets a
name.
"""

import io
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

import yaml

from funit.errors import ConflictError, LimitError, NotThereError, UserError
from funit.gallery import Gallery
from funit.home import folder_beside, put_folder, whole_file
from funit.model.generator import weight_bytes
from funit.model.graphs import GRAPH_FILES, WEIGHTS_FILE
from funit.model.restored import restored_generator
from funit.model_folder import (
    ABOUT_FILE,
    CARD_FILE,
    DISCRIMINATOR_FILE,
    GALLERY_FILE,
    LICENCE_FILE,
    GraphWriter,
    ModelFolder,
    ModelInfo,
    card,
    open_model,
)
from funit.repository import ModelRepository
from funit.triton import triton_files

Layout = Literal["folder", "triton"]
LAYOUTS: tuple[Layout, ...] = ("folder", "triton")
Files = Mapping[str, Path | bytes]  # by their paths in what is written

MAX_BYTES = 4 << 30  # of all files of a model that comes in
MAX_TEXT_BYTES = 16 << 20  # of its JSON and its texts, each
MAX_FILES = 64

HUB_WEIGHTS, HUB_ABOUT, HUB_CARD = "model.safetensors", "config.json", "README.md"
HUB_GRAPHS = "onnx"
# what is taken of a folder or a zip -> its name in a model folder
KNOWN = {
    **{name: name for name in (WEIGHTS_FILE, ABOUT_FILE, LICENCE_FILE, *GRAPH_FILES)},
    **{name: name for name in (GALLERY_FILE, DISCRIMINATOR_FILE)},
    HUB_WEIGHTS: WEIGHTS_FILE,
    HUB_ABOUT: ABOUT_FILE,
    **{f"{HUB_GRAPHS}/{file}": file for file in GRAPH_FILES},
}
# what may be there and is not taken: it is made anew, or is for people
LEFT = {CARD_FILE, HUB_CARD, f"{HUB_GRAPHS}/{WEIGHTS_FILE}", ".gitattributes"}
LEFT |= {"evaluation.json", "curves.png"}
TEXTS = {ABOUT_FILE, LICENCE_FILE}
HUB_LICENCES = {"apache-2.0", "mit", "bsd-3-clause", "gpl-3.0", "cc0-1.0"}
HUB_LICENCES |= {"cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"}


def export_model(
    found: ModelFolder, out: Path, layout: Layout = "folder", *, force: bool = False
) -> None:
    """Writes a model to a folder or a .zip, in one piece; raises UserError.

    With `force` what was exported there before is replaced, and nothing else.
    """
    _check_out(out, force)
    files = exported_files(found, layout)
    if out.suffix.lower() == ".zip":
        with whole_file(out) as temporary, temporary.open("wb") as file:
            write_zip(files, file)
        return
    with folder_beside(out) as beside:
        made = beside / "new"
        for name, content in files.items():
            target = made / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                target.write_bytes(content)
            else:
                shutil.copyfile(content, target)
        put_folder(made, out, aside=beside / "old")


def known_layout(text: str) -> Layout:
    """The layout of that name; raises UserError."""
    for layout in LAYOUTS:
        if text == layout:
            return layout
    raise UserError(f"there is no layout `{text}`", hint=f"there are {', '.join(LAYOUTS)}")


def exported_files(found: ModelFolder, layout: Layout = "folder") -> Files:
    """What an export holds: paths and contents; raises UserError where the model is damaged."""
    return triton_files(found) if layout == "triton" else _hub_files(found)


def write_zip(files: Files, target: IO[bytes]) -> None:
    """Writes files as a zip, the same one every time; weights cannot be made smaller."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            source = io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")
            with source, archive.open(entry, "w", force_zip64=True) as written:
                shutil.copyfileobj(source, written)


def import_model(
    source: Path,
    name: str,
    repository: ModelRepository,
    *,
    write_graphs: GraphWriter | None = None,
    max_bytes: int = MAX_BYTES,
    max_size: int | None = None,
) -> ModelInfo:
    """Publishes a model folder, or what an export wrote, as the next version of NAME.

    `max_bytes` may be unpacked, `max_size` published. Raises UserError where anything is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="funit-") as temporary:
        folder = Path(temporary)
        if source.is_dir():
            _take(_of_folder(source), folder, max_bytes)
        elif source.is_file() and zipfile.is_zipfile(source):
            try:
                with zipfile.ZipFile(source) as archive:
                    _take(_of_zip(archive), folder, max_bytes)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
                raise UserError(
                    f"`{source.name}` cannot be unpacked: {error}", hint="make the zip again"
                ) from None
        elif source.exists():
            raise UserError(f"`{source.name}` is no folder and no zip", hint="zip the folder")
        else:
            raise NotThereError(f"there is no `{source}`", hint="name a folder or a zip")
        _check(folder, source.name)
        return repository.publish(folder, name, write_graphs=write_graphs, max_size=max_size)


# ---------------------------------------------------------------------- out


def _hub_files(found: ModelFolder) -> Files:
    info = found.info
    about = info.model_dump_json(indent=1) + "\n"
    files: dict[str, Path | bytes] = {
        HUB_CARD: f"---\n{_header(info)}---\n\n{card(info)}".encode(),
        HUB_ABOUT: about.encode(),
        HUB_WEIGHTS: found.whole_weights(),
        LICENCE_FILE: (found.licence_text or f"Licence: {info.licence}\n").encode(),
    }
    if gallery := found.whole_gallery():
        files[GALLERY_FILE] = gallery
    if discriminator := found.whole_discriminator():
        files[DISCRIMINATOR_FILE] = discriminator
    if found.graphs:
        folder = found.whole_graphs()
        files |= {f"{HUB_GRAPHS}/{file}": folder / file for file in GRAPH_FILES}
        files[f"{HUB_GRAPHS}/{WEIGHTS_FILE}"] = found.whole_weights()
    return files


def _header(info: ModelInfo) -> str:
    """What the hub reads of a card, as YAML."""
    licence = info.licence.lower()
    header: dict[str, Any] = {"license": licence}
    if licence not in HUB_LICENCES:
        header = {"license": "other", "license_name": info.licence, "license_link": LICENCE_FILE}
    header |= {
        "library_name": "funit",
        "pipeline_tag": "image-to-image",
        "tags": ["few-shot", "image-translation", "funit", *(["onnx"] if info.graphs else [])],
    }
    return yaml.safe_dump(header, sort_keys=False, allow_unicode=True)


def _check_out(out: Path, force: bool) -> None:
    """Raises UserError unless nothing is at `out`, or an export that may be replaced."""
    if out.name in ("", ".."):
        raise UserError(f"`{out}` cannot be written", hint="give `--out` a name")
    if not os.path.lexists(out):
        return
    if not force:
        raise ConflictError(
            f"`{out}` exists", hint="`--force` replaces it, or give another `--out`"
        )
    is_hub = (out / HUB_ABOUT).is_file() and (out / HUB_WEIGHTS).is_file()
    is_triton = out.is_dir() and all((path / "config.pbtxt").exists() for path in out.iterdir())
    is_zip = out.suffix.lower() == ".zip" and out.is_file()
    if not (is_zip or (out.suffix.lower() != ".zip" and (is_hub or is_triton))):
        raise UserError(
            f"`{out}` was not exported, so `--force` does not remove it",
            hint="give another `--out`, or remove it yourself",
        )


# ----------------------------------------------------------------------- in

# names, and what opens each of them
Offered = Iterator[tuple[str, Callable[[], IO[bytes]]]]


def _of_folder(folder: Path) -> Offered:
    """The files of known names; others are none of our business in a folder of somebody's."""
    for name in KNOWN:
        if (folder / name).is_file():
            yield name, _opener(folder / name)


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _of_zip(archive: zipfile.ZipFile) -> Offered:
    """The files of a zip, or of the one folder in it; raises UserError where one is odd."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MAX_FILES:
        raise UserError(f"the zip has {len(entries)} files", hint=f"a model has under {MAX_FILES}")
    tops = {entry.filename.partition("/")[0] for entry in entries}
    top = f"{tops.pop()}/" if len(tops) == 1 else ""
    for entry in entries:
        name = entry.filename
        mode = entry.external_attr >> 16
        is_odd = "\\" in name or name.startswith("/") or ".." in name.split("/")
        if is_odd or (mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG)):
            raise UserError(f"the zip has an entry `{name}`", hint="pack a model's files alone")
        inside = name.removeprefix(top) or name
        if inside not in KNOWN and inside not in LEFT:
            raise UserError(
                f"the zip has `{name}`, which is no file of a model",
                hint=f"a model has {', '.join(sorted(KNOWN))}",
            )
        if inside in KNOWN:
            yield inside, partial(archive.open, entry)


def _take(offered: Offered, folder: Path, max_bytes: int) -> None:
    """Copies files into a model folder and counts their bytes: a zip may lie about them."""
    left = max_bytes
    for name, opened in offered:
        target = folder / KNOWN[name]
        if target.exists():
            raise UserError(
                f"`{target.name}` is there twice, once as `{name}`", hint="leave one of them out"
            )
        limit = min(left, MAX_TEXT_BYTES) if target.name in TEXTS else left
        with opened() as source, target.open("wb") as file:
            num_bytes = _copy(source, file, limit)
        if num_bytes > limit:
            raise LimitError(
                f"`{name}` is too large: {limit:,} bytes are left for it",
                hint="a model this large cannot be imported here",
            )
        left -= num_bytes


def _copy(source: IO[bytes], target: IO[bytes], limit: int) -> int:
    """Copies until the end or until there is more than the limit; gives the bytes."""
    num_bytes = 0
    while num_bytes <= limit and (block := source.read(1 << 20)):
        num_bytes += len(block)
        target.write(block)
    return num_bytes


def _check(folder: Path, name: str) -> None:
    """Raises UserError unless the files are what model.json says, and fit each other."""
    if not (folder / ABOUT_FILE).exists():
        raise UserError(
            f"`{name}` is no model: it has no `{ABOUT_FILE}` and no `{HUB_ABOUT}`",
            hint="`funit models export` writes one; `funit publish` names a run",
        )
    found = open_model(folder)
    needed = weight_bytes(found.info.config.model)
    weights = found.whole_weights()
    if needed > 4 * weights.stat().st_size:  # nothing so large is made for so few weights
        raise UserError(f"`{name}` has fewer weights than its settings ask for", hint="export it")
    restored_generator(weights, found.info.config.model)
    if gallery := found.whole_gallery():
        Gallery.read(gallery)
    if found.graphs:
        found.whole_graphs()
        for file in GRAPH_FILES:
            _check_graph(folder / file)


def _check_graph(path: Path) -> None:
    """Refuses a graph that is none, or that points into a file other than the weights."""
    try:
        import onnx
    except ImportError:
        raise UserError(
            "the model has graphs, which cannot be checked without onnx",
            hint="`pip install 'funit[onnx]'`",
        ) from None
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf has errors of its own
        raise UserError(f"`{path.name}` is no graph: {error}", hint="export it again") from None
    for location in _locations(model):
        if location != WEIGHTS_FILE:
            raise UserError(
                f"`{path.name}` points into `{location}`", hint=f"`{WEIGHTS_FILE}` alone is allowed"
            )


def _locations(message: Any) -> Iterator[str]:
    """The files that tensors anywhere in a graph point into."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield from (entry.value for entry in message.external_data if entry.key == "location")
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value if field.is_repeated else [value]:
                yield from _locations(each)
