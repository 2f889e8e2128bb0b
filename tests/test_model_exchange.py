"""Models go out as folders and zips and come back the same; what others send is not trusted."""

import io
import json
import re
import stat
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from onnx.external_data_helper import set_external_data

from funit.config import Config, ModelConfig
from funit.engines.engine import Floats
from funit.errors import ConflictError, NotThereError, UserError
from funit.model.generator import Generator
from funit.model.graphs import GRAPH_FILES
from funit.model_exchange import export_model, import_model, known_layout
from funit.model_folder import ModelFolder, TrainingRecord, open_model, save_model
from funit.onnx_export import write_graphs
from funit.repository import ModelRepository
from funit.translator import Translator

CONFIG = ModelConfig(
    num_classes=5,
    image_size=16,
    base_channels=4,
    num_halvings=2,
    class_encoder_halvings=3,
    class_code_size=6,
    mlp_size=8,
    discriminator_channels=4,
    discriminator_halvings=2,
    discriminator_blocks=1,
    upsampling_norm="adain",
    plain_background=True,
    attention_channels=4,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "m"
    save_model(
        folder,
        Generator(CONFIG).state_dict(),
        Config(model=CONFIG),
        name="beasts",
        version=4,
        training=TrainingRecord(seed=0, images=5, minutes=1),
        licence="Apache-2.0",
        licence_text="You may.\n",
        write_graphs=write_graphs,
        notes="They have no horns.",
    )
    return folder


@pytest.fixture
def found(model: Path) -> ModelFolder:
    return open_model(model)


@pytest.fixture
def repository(tmp_path: Path) -> ModelRepository:
    return ModelRepository(shipped=tmp_path / "shipped")


def zipped(path: Path, files: dict[str, bytes], mode: int = 0o644) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return path


def contents(model: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in model.iterdir()}


def translated(model: Path | str, engine: str) -> Any:
    translator = Translator.load(model, "cpu", engine)
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    return np.asarray(translator.translate(pixels, translator.encode_class(pixels)))


@pytest.mark.parametrize("out", ["exported", "exported.zip"])
def test_an_exported_model_comes_back_the_same(
    found: ModelFolder, repository: ModelRepository, tmp_path: Path, out: str
) -> None:
    export_model(found, tmp_path / out)

    info = import_model(tmp_path / out, "again", repository)

    again = repository.find("again")
    assert (info.name, info.version) == ("again", 1)
    assert info.model_copy(update={"name": "beasts", "version": 4}) == found.info
    assert again.licence_text == "You may.\n"
    for name, tensor in found.tensors().items():
        np.testing.assert_array_equal(again.tensors()[name], tensor)
    np.testing.assert_array_equal(
        translated(again.path, "onnxruntime"), translated(found.path, "onnxruntime")
    )


def test_an_export_has_the_file_names_of_the_hub_and_graphs_that_stand_alone(
    found: ModelFolder, tmp_path: Path
) -> None:
    import onnxruntime

    export_model(found, tmp_path / "out")

    names = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*")}
    assert names >= {"README.md", "config.json", "model.safetensors", "onnx/translation.onnx"}
    _, header, card = (tmp_path / "out" / "README.md").read_text().split("---\n", 2)
    described = yaml.safe_load(header)
    assert described["license"] == "apache-2.0"
    assert described["pipeline_tag"] == "image-to-image"
    assert "They have no horns." in card
    for file in GRAPH_FILES:
        onnxruntime.InferenceSession(tmp_path / "out" / "onnx" / file)


def test_a_licence_that_the_hub_does_not_know_is_named(found: ModelFolder, tmp_path: Path) -> None:
    info = found.info.model_copy(update={"licence": "CC-BY-SA-3.0 OR GPL-3.0"})

    export_model(ModelFolder(found.path, info, found.weights_path), tmp_path / "out")

    header = yaml.safe_load((tmp_path / "out" / "README.md").read_text().split("---\n")[1])
    assert (header["license"], header["license_name"]) == ("other", "CC-BY-SA-3.0 OR GPL-3.0")


def test_a_zip_is_the_same_every_time(found: ModelFolder, tmp_path: Path) -> None:
    export_model(found, tmp_path / "a.zip")
    export_model(found, tmp_path / "b.zip")

    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.mark.parametrize("layout", ["folder", "triton"])
@pytest.mark.parametrize("out", ["out", "out.zip"])
def test_only_an_export_is_replaced_and_only_if_asked(
    found: ModelFolder, tmp_path: Path, out: str, layout: str
) -> None:
    write = partial(export_model, found, layout=known_layout(layout))
    write(tmp_path / out)
    with pytest.raises(ConflictError, match="exists"):
        write(tmp_path / out)
    write(tmp_path / out, force=True)

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear")
    with pytest.raises(UserError, match="was not exported"):
        write(tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / "diary.txt").read_text() == "dear"


def test_our_own_folder_is_imported_too_also_inside_another_in_a_zip(
    model: Path, repository: ModelRepository, tmp_path: Path
) -> None:
    nested = zipped(tmp_path / "m.zip", {f"m/{name}": c for name, c in contents(model).items()})

    assert import_model(model, "zoo", repository).version == 1
    assert import_model(nested, "zoo", repository).version == 2


Change = Callable[[dict[str, bytes]], dict[str, bytes]]


def without(name: str) -> Change:
    return lambda files: {key: value for key, value in files.items() if key != name}


def with_about(**changes: Any) -> Change:
    def change(files: dict[str, bytes]) -> dict[str, bytes]:
        about = json.loads(files["model.json"]) | changes
        return files | {"model.json": json.dumps(about).encode()}

    return change


def with_larger_settings(files: dict[str, bytes]) -> dict[str, bytes]:
    config = json.loads(files["model.json"])["config"]
    config["model"]["base_channels"] = 4096
    return with_about(config=config)(files)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f | {"../evil.txt": b""}, r"an entry `\.\./evil\.txt`"),
        (lambda f: f | {"/etc/evil": b""}, "an entry `/etc/evil`"),
        (lambda f: f | {"a\\b": b""}, "an entry"),
        (lambda f: f | {"weights.pkl": b""}, "`weights.pkl`, which is no file of a model"),
        (lambda f: f | {"model.safetensors": f["weights.safetensors"]}, "there twice"),
        (lambda f: f | {f"{n}.txt": b"" for n in range(99)}, "files"),
        (lambda f: f | {"model.json": b" " * (17 << 20)}, "is too large"),
        (lambda f: f | {"model.json": b"["}, "cannot be read"),
        (lambda f: f | {"weights.safetensors": b"nothing"}, "is damaged"),
        (lambda f: f | {"translation.onnx": b"nothing"}, "is damaged"),
        (without("model.json"), "is no model"),
        (without("weights.safetensors"), "there is no"),
        (with_about(format=9), "model format 9"),
        (with_larger_settings, "fewer weights than its settings ask for"),
    ],
)
def test_what_is_no_whole_model_is_refused(
    model: Path, repository: ModelRepository, tmp_path: Path, change: Change, message: str
) -> None:
    path = zipped(tmp_path / "m.zip", change(contents(model)))

    with pytest.raises(UserError, match=message):
        import_model(path, "zoo", repository)

    assert repository.entries() == []
    assert not (tmp_path / "evil.txt").exists()


def test_a_link_in_a_zip_is_refused(
    model: Path, repository: ModelRepository, tmp_path: Path
) -> None:
    path = zipped(tmp_path / "m.zip", {"LICENSE": b"/etc/passwd"}, stat.S_IFLNK | 0o777)

    with pytest.raises(UserError, match="an entry `LICENSE`"):
        import_model(path, "zoo", repository)


def test_a_zip_that_becomes_larger_than_allowed_is_refused(
    repository: ModelRepository, tmp_path: Path
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.safetensors", bytes(50_000_000))
    (tmp_path / "bomb.zip").write_bytes(packed.getvalue())
    assert len(packed.getvalue()) < 100_000

    with pytest.raises(UserError, match="is too large"):
        import_model(tmp_path / "bomb.zip", "zoo", repository, max_bytes=1_000_000)


def test_a_graph_that_points_into_another_file_is_refused(
    model: Path, repository: ModelRepository, tmp_path: Path
) -> None:
    import hashlib

    files = contents(model)
    graph = onnx.load_from_string(files["translation.onnx"])
    tensor = next(t for t in graph.graph.initializer if t.external_data)
    tensor.raw_data = b""
    set_external_data(tensor, location="/etc/passwd")
    files["translation.onnx"] = graph.SerializeToString()
    about = json.loads(files["model.json"])
    about["graphs"]["sha256"]["translation.onnx"] = hashlib.sha256(
        files["translation.onnx"]
    ).hexdigest()
    files["model.json"] = json.dumps(about).encode()

    with pytest.raises(UserError, match="points into `/etc/passwd`"):
        import_model(zipped(tmp_path / "m.zip", files), "zoo", repository)


def test_what_is_no_zip_and_what_is_not_there_are_said(
    repository: ModelRepository, tmp_path: Path
) -> None:
    (tmp_path / "text.zip").write_text("not a zip")

    with pytest.raises(UserError, match="no folder and no zip"):
        import_model(tmp_path / "text.zip", "zoo", repository)
    with pytest.raises(NotThereError, match="there is no"):
        import_model(tmp_path / "none.zip", "zoo", repository)


# -------------------------------------------------------------------- Triton


def tensors_of(config: str, kind: str) -> dict[str, tuple[str, list[int]]]:
    form = rf'{kind} \[\s*{{ name: "(\w+)" data_type: (\w+) dims: \[([^\]]*)\] }}\s*\]'
    return {
        name: (dtype, [int(dim) for dim in dims.split(",") if dim.strip()])
        for name, dtype, dims in re.findall(form, config)
    }


@pytest.mark.parametrize("graph", ["class_code", "translation", "drawing"])
def test_what_triton_is_told_agrees_with_the_graph_as_it_runs(
    found: ModelFolder, tmp_path: Path, graph: str
) -> None:
    import onnxruntime

    export_model(found, tmp_path / "out", "triton")

    folder = tmp_path / "out" / f"beasts-{graph.replace('_', '-')}"
    config = (folder / "config.pbtxt").read_text()
    session = onnxruntime.InferenceSession(folder / "4" / "model.onnx" / "model.onnx")
    told, gives = tensors_of(config, "input"), tensors_of(config, "output")
    assert f'name: "{folder.name}"' in config
    assert "max_batch_size: 64" in config
    for nodes, listed in ((session.get_inputs(), told), (session.get_outputs(), gives)):
        assert {node.name for node in nodes} == set(listed)
        for node in nodes:
            dims = [dim if isinstance(dim, int) else -1 for dim in node.shape]
            assert (node.type, dims) == ("tensor(float)", [-1, *listed[node.name][1]])
            assert listed[node.name][0] == "TYPE_FP32"
    feed: dict[str, Floats] = {  # a batch of 2; what may be any is 3
        name: np.zeros([2, *(3 if dim == -1 else dim for dim in dims)], np.float32)
        for name, (_, dims) in told.items()
    }
    for output, (_, dims) in zip(session.run(list(gives), feed), gives.values(), strict=True):
        assert output.shape[0] == 2
        assert all(dim in (-1, there) for dim, there in zip(dims, output.shape[1:], strict=True))


def test_a_model_without_graphs_is_nothing_for_triton(tmp_path: Path, tiny: ModelConfig) -> None:
    save_model(
        tmp_path / "m",
        Generator(tiny).state_dict(),
        Config(model=tiny),
        name="m",
        version=1,
        training=TrainingRecord(seed=0, images=5, minutes=1),
    )

    with pytest.raises(UserError, match="has no graphs"):
        export_model(open_model(tmp_path / "m"), tmp_path / "out", "triton")
    assert not (tmp_path / "out").exists()
