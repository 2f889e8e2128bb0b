"""The image manager: what comes in, what is refused, and versions that stay what they are."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from funit.config import merged, parse_assignments
from funit.data.catalog import read_catalog
from funit.data.menagerie import write_menagerie
from funit.database.connection import writing
from funit.database.schema import Job, Pose
from funit.errors import ConflictError, NotThereError, UserError
from funit.fine_tuning import train
from funit.home import home
from funit.service.datasets import (
    add_images,
    create_from_zip,
    find_version,
    list_classes,
    list_images,
    open_dataset,
    register_folder,
    remove_dataset,
    remove_image,
)
from funit.service.errors import ForbiddenError, TooLargeError
from funit.service.intake import Upload
from funit.service.services import Services, open_services
from funit.service.settings import Limits, ServiceSettings

Store = Callable[..., Services]


@pytest.fixture
def store(tmp_path: Path, database_url: str) -> Iterator[Store]:
    """Opens services over an empty database of each kind, with limits as wanted."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def opened(**limits: int) -> Services:
            settings = ServiceSettings(
                database_url=database_url,
                storage_url=str(tmp_path / "storage"),
                keys="none",
                data_roots=(tmp_path / "root",),
                limits=Limits(**limits),
            )
            return stack.enter_context(open_services(settings))

        yield opened


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Three species in four poses, as a zip of class folders."""
    write_menagerie(tmp_path / "zoo.zip", num_classes=3, num_poses=4, size=16, seed=3)
    return tmp_path / "zoo.zip"


def upload(services: Services, zip_path: Path, name: str = "zoo") -> None:
    with zip_path.open("rb") as file:
        create_from_zip(services, name, file, None)


def picture(color: int = 0, size: tuple[int, int] = (16, 16), file_format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (color, 80, 80)).save(buffer, file_format)
    return buffer.getvalue()


def uploads(**files: bytes) -> list[Upload]:
    return [Upload(f"{name}.png", io.BytesIO(content)) for name, content in files.items()]


def make_zip(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def names_in(services: Services, name: str, version: int | None = None) -> set[str]:
    _, rows = list_images(services, name, version, limit=500)
    return {f"{row.cls}/{row.name}" for row in rows}


# ------------------------------------------------------------------- versions


def test_the_fingerprint_is_that_of_the_zip_that_was_sent(store: Store, zoo: Path) -> None:
    services = store()

    upload(services, zoo)

    version = find_version(services, "zoo")
    assert version.fingerprint == read_catalog(zoo).fingerprint
    assert read_catalog(open_dataset(services, "zoo")).fingerprint == version.fingerprint
    assert (version.version, version.num_images) == (1, 12)
    assert version.report["parts"]["seen"]["classes"] == 3
    assert version.report["smallest_image"] == [16, 16]


def test_a_folder_and_a_zip_of_the_same_images_are_the_same_version(
    store: Store, zoo: Path, tmp_path: Path
) -> None:
    services = store()
    with zipfile.ZipFile(zoo) as file:
        file.extractall(tmp_path / "root" / "art" / "zoo")

    upload(services, zoo)
    registered = register_folder(services, "registered", "art/zoo", None)

    assert registered.fingerprint == find_version(services, "zoo").fingerprint
    assert registered.report["path"] == "registered"


def test_images_that_are_added_and_removed_make_versions_that_stay(store: Store, zoo: Path) -> None:
    services = store()
    upload(services, zoo)
    before = names_in(services, "zoo")
    first = find_version(services, "zoo")

    second, _ = add_images(services, "zoo", "", "fox", uploads(new=picture(9)))
    (fox,) = [row for row in list_images(services, "zoo")[1] if row.cls == "fox"]
    third = remove_image(services, "zoo", fox.id)

    assert [second.version, third.version] == [2, 3]
    assert names_in(services, "zoo", 1) == before
    assert names_in(services, "zoo", 2) == before | {"fox/new.png"}
    assert names_in(services, "zoo", 3) == before
    assert third.fingerprint == first.fingerprint != second.fingerprint
    assert ("", "fox", 1) in [row[:3] for row in list_classes(services, "zoo", 2)]
    for version in (1, 2, 3):
        catalog = read_catalog(open_dataset(services, "zoo", version))
        assert catalog.fingerprint == find_version(services, "zoo", version).fingerprint


def test_an_image_that_is_there_changes_nothing_and_another_of_its_name_is_refused(
    store: Store, zoo: Path
) -> None:
    services = store()
    upload(services, zoo)
    add_images(services, "zoo", "", "fox", uploads(new=picture(9)))

    again, _ = add_images(services, "zoo", "", "fox", uploads(new=picture(9)))

    assert again.version == 2
    with pytest.raises(ConflictError, match=r"another image `new\.png`"):
        add_images(services, "zoo", "", "fox", uploads(new=picture(10)))


def test_a_folder_registered_again_is_a_version_of_what_changed(
    store: Store, zoo: Path, tmp_path: Path
) -> None:
    services = store()
    folder = tmp_path / "root" / "zoo"
    with zipfile.ZipFile(zoo) as file:
        file.extractall(folder)
    register_folder(services, "zoo", str(folder), None)
    unchanged = register_folder(services, "zoo", "zoo", None)
    fox, gone = sorted(folder.iterdir())[0], sorted(folder.iterdir())[1]
    (fox / "new.png").write_bytes(picture(1))
    (gone / "pose_0000.png").unlink()

    changed = register_folder(services, "zoo", "zoo", None)

    assert (unchanged.version, changed.version, changed.num_images) == (1, 2, 12)
    assert names_in(services, "zoo", 1) ^ names_in(services, "zoo", 2) == {
        f"{fox.name}/new.png",
        f"{gone.name}/pose_0000.png",
    }


def test_a_version_is_made_into_a_zip_once_and_in_one_piece(store: Store, zoo: Path) -> None:
    services = store()
    upload(services, zoo)

    path = open_dataset(services, "zoo")
    written = path.stat().st_ino  # another one would be another file in its place
    again = open_dataset(services, "zoo", 1)

    assert again == path
    assert path.stat().st_ino == written
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.is_relative_to(home() / "cache")


def test_training_reads_a_version(
    store: Store, zoo: Path, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    services = store()
    upload(services, zoo)
    settings = merged(
        parse_assignments(
            [
                "model.image_size=16",
                "model.base_channels=4",
                "model.num_halvings=2",
                "model.class_encoder_halvings=3",
                "model.class_code_size=6",
                "model.mlp_size=8",
                "model.discriminator_channels=4",
                "model.discriminator_halvings=2",
                "training.batch_size=2",
                "training.max_images=2",
                "weights.perceptual=0",
            ]
        )
    )

    checkpoint = train(open_dataset(services, "zoo"), tmp_path / "run", settings, preset="paper")

    assert checkpoint.path.exists()


def test_parts_stay_parts(store: Store, tmp_path: Path) -> None:
    services = store()
    files = {f"{place}/{n}.png": picture(n) for n in (1, 2) for place in ("seen/a", "unseen/b")}
    upload(services, make_zip(tmp_path / "parts.zip", files))

    add_images(services, "zoo", "unseen", "c", uploads(x=picture(7)))

    assert [row[:3] for row in list_classes(services, "zoo")] == [
        ("seen", "a", 2),
        ("unseen", "b", 2),
        ("unseen", "c", 1),
    ]
    assert set(read_catalog(open_dataset(services, "zoo")).unseen) == {"b", "c"}
    with pytest.raises(UserError, match="both seen and unseen"):
        add_images(services, "zoo", "unseen", "a", uploads(x=picture(8)))
    with pytest.raises(UserError, match="not in a class folder"):
        add_images(services, "zoo", "", "d", uploads(x=picture(8)))


# -------------------------------------------------------------------- refusals


def test_paths_that_lead_out_of_a_zip_are_refused(store: Store, tmp_path: Path) -> None:
    services = store()
    evil = make_zip(tmp_path / "evil.zip", {"a/../../x.png": picture(), "b/1.png": picture(1)})

    with pytest.raises(UserError, match="unsafe path") as refused:
        upload(services, evil)

    assert str(tmp_path) not in refused.value.message


def test_a_link_in_a_zip_is_no_image(store: Store, tmp_path: Path) -> None:
    services = store()
    path = make_zip(tmp_path / "l.zip", {"a/1.png": picture(1), "b/1.png": picture(2)})
    with zipfile.ZipFile(path, "a") as file:
        link = zipfile.ZipInfo("a/passwd.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        file.writestr(link, "/etc/passwd")

    upload(services, path)

    (problem,) = find_version(services, "zoo").report["problems"]
    assert problem == {"path": "a/passwd.png", "reason": "is not an image"}


def test_what_is_no_image_is_left_out_and_told(store: Store, tmp_path: Path) -> None:
    services = store()
    files = {f"{cls}/1.png": picture(n) for n, cls in enumerate("ab")}
    files |= {"a/x.png": b"<script>", "b/cut.png": picture(5)[:-30], "a/run.exe": b"MZ"}

    upload(services, make_zip(tmp_path / "x.zip", files))

    report = find_version(services, "zoo").report
    assert {problem["path"] for problem in report["problems"]} == {
        "a/x.png",
        "b/cut.png",
        "a/run.exe",
    }
    assert names_in(services, "zoo") == {"a/1.png", "b/1.png"}


def test_a_header_of_many_pixels_is_not_decoded(store: Store, tmp_path: Path) -> None:
    services = store(pixels=1_000_000)
    content = bytearray(picture())
    content[16:24] = struct.pack(">II", 50_000, 50_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    files = {"a/1.png": picture(1), "b/1.png": picture(2), "b/huge.png": bytes(content)}

    upload(services, make_zip(tmp_path / "huge.zip", files))

    (problem,) = find_version(services, "zoo").report["problems"]
    assert "50000 x 50000 pixels" in problem["reason"] or "far too many" in problem["reason"]


def test_a_bomb_is_refused_before_it_is_unpacked(store: Store, tmp_path: Path) -> None:
    services = store(dataset_bytes=1_000_000)
    files = {"a/1.png": picture(1), "b/1.png": bytes(2_000_000)}
    bomb = make_zip(tmp_path / "bomb.zip", files, zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 10_000

    with pytest.raises(TooLargeError, match="more than"):
        upload(services, bomb)

    assert not (tmp_path / "storage").exists() or not list(services.storage.all())


def test_an_image_of_too_many_bytes_is_left_out(store: Store, tmp_path: Path) -> None:
    services = store(upload_bytes=5_000)
    files = {"a/1.png": picture(1), "b/1.png": picture(2), "b/big.png": bytes(5_001)}

    upload(services, make_zip(tmp_path / "big.zip", files))

    (problem,) = find_version(services, "zoo").report["problems"]
    assert problem == {"path": "b/big.png", "reason": "would unpack to 5,001 bytes"}


@pytest.mark.parametrize("num_files", [60, 2000])
def test_too_many_files_are_refused(store: Store, tmp_path: Path, num_files: int) -> None:
    services = store(num_dataset_files=50)
    files = {f"{cls}/1.png": picture() for cls in "ab"}
    files |= {f"a/{n}.txt": b"" for n in range(num_files)}

    with pytest.raises(TooLargeError, match="more than 50 files"):
        upload(services, make_zip(tmp_path / "many.zip", files))


def test_what_is_no_zip_is_refused_by_the_name_of_the_data_set(
    store: Store, tmp_path: Path
) -> None:
    services = store()
    (tmp_path / "no.zip").write_bytes(b"not a zip at all")

    with pytest.raises(UserError, match="`zoo` is a damaged zip"):
        upload(services, tmp_path / "no.zip")


def test_only_folders_under_the_roots_can_be_registered(
    store: Store, zoo: Path, tmp_path: Path
) -> None:
    services = store()
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "good", outside):
        with zipfile.ZipFile(zoo) as file:
            file.extractall(folder)
    (root / "link").symlink_to(outside)
    (next((root / "good").iterdir()) / "leak.png").symlink_to(outside / "x.png")

    for folder in ("../outside", str(outside), "link", "/etc", "missing"):
        with pytest.raises(ForbiddenError, match="is no folder that may be registered"):
            register_folder(services, "zoo", folder, None)
    with pytest.raises(ForbiddenError, match=r"leak.png` leads out of the folder"):
        register_folder(services, "zoo", "good", None)


def test_a_key_has_so_much_room_and_no_more(store: Store, zoo: Path) -> None:
    total = sum(len(content) for content in contents_of(zoo))
    services = store(key_bytes=total + 200)
    upload(services, zoo)

    with pytest.raises(TooLargeError, match="left to this API key"):
        upload(services, zoo, "zoo2")
    add_images(services, "zoo", "", "fox", uploads(one=picture(1)))
    with pytest.raises(TooLargeError, match="left to this API key"):
        add_images(services, "zoo", "", "fox", uploads(two=picture(2), three=picture(3)))
    remove_dataset(services, "zoo")
    upload(services, zoo, "zoo2")


def test_poses_take_of_the_same_room(store: Store, zoo: Path) -> None:
    total = sum(len(content) for content in contents_of(zoo))
    services = store(key_bytes=total + 200)
    with writing(services.database) as session:
        session.add(Pose(id="pose_1", sha256="0" * 64, size=201, width=1, height=1))

    with pytest.raises(TooLargeError, match="left to this API key"):
        upload(services, zoo)


def contents_of(zip_path: Path) -> list[bytes]:
    with zipfile.ZipFile(zip_path) as file:
        return [file.read(info) for info in file.infolist()]


def test_names_that_could_lead_astray_are_refused(store: Store, zoo: Path) -> None:
    services = store()
    upload(services, zoo)

    for cls in ("../up", "a/b", ".hidden", "", "all", "a\x00b", "a\\b"):
        with pytest.raises(UserError, match="cannot be"):
            add_images(services, "zoo", "", cls, uploads(x=picture()))
    for name in ("../x.png", "x.txt", ".png", "x\n.png", ""):
        with pytest.raises(UserError, match="cannot be"):
            add_images(services, "zoo", "", "fox", [Upload(name, io.BytesIO(picture()))])
    for name in ("Zoo", "../zoo", "", "x" * 65):
        with pytest.raises(UserError, match="cannot be the name of a data set"):
            upload(services, zoo, name)


def test_a_data_set_that_a_job_needs_stays(store: Store, zoo: Path) -> None:
    services = store()
    upload(services, zoo)
    with writing(services.database) as session:
        session.add(Job(id="1", state="running", request={"dataset": "zoo@1"}))

    with pytest.raises(ConflictError, match="job `1` needs"):
        remove_dataset(services, "zoo")
    with writing(services.database) as session:
        session.get_one(Job, "1").state = "published"
    cached = open_dataset(services, "zoo")
    remove_dataset(services, "zoo")

    assert not cached.exists()
    with pytest.raises(NotThereError):
        find_version(services, "zoo")


# ------------------------------------------------------------------ over HTTP


@pytest.fixture
def sent(client: TestClient, zoo: Path) -> TestClient:
    answer = client.post(
        "/v1/datasets", data={"name": "zoo"}, files={"file": ("zoo.zip", zoo.read_bytes())}
    )
    assert answer.status_code == 201, answer.text
    return client


def test_a_data_set_is_sent_listed_shown_and_removed(sent: TestClient) -> None:
    (listed,) = sent.get("/v1/datasets").json()["items"]
    shown = sent.get("/v1/datasets/zoo").json()

    assert (listed["name"], listed["origin"], listed["newest"]["num_images"]) == (
        "zoo",
        "upload",
        12,
    )
    assert [version["version"] for version in shown["versions"]] == [1]
    assert shown["report"]["images"] == 12
    classes = sent.get("/v1/datasets/zoo/classes").json()
    assert [each["num_images"] for each in classes] == [4] * 3
    shown_first = sent.get("/v1/datasets/zoo/images", params={"cls": classes[1]["cls"]}).json()
    assert classes[1]["thumbnail"] == shown_first["items"][0]["thumbnail"]
    assert sent.delete("/v1/datasets/zoo").status_code == 204
    assert sent.get("/v1/datasets/zoo").status_code == 404


def test_pages_show_every_image_once(sent: TestClient) -> None:
    cls = sent.get("/v1/datasets/zoo/classes").json()[0]["cls"]

    seen, after, pages = [], 0, 0
    while after is not None:
        page = sent.get("/v1/datasets/zoo/images", params={"limit": 5, "after": after}).json()
        seen += [item["id"] for item in page["items"]]
        after, pages = page["next"], pages + 1
    of_class = sent.get("/v1/datasets/zoo/images", params={"cls": cls}).json()

    assert (len(seen), len(set(seen)), pages, page["total"]) == (12, 12, 3, 12)
    assert {item["cls"] for item in of_class["items"]} == {cls}
    assert of_class["total"] == 4


def test_pages_of_data_sets_follow_each_other(sent: TestClient, zoo: Path) -> None:
    sent.post("/v1/datasets", data={"name": "ark"}, files={"file": ("z.zip", zoo.read_bytes())})

    first = sent.get("/v1/datasets", params={"limit": 1}).json()
    second = sent.get("/v1/datasets", params={"limit": 1, "after": first["next"]}).json()

    assert [page["items"][0]["name"] for page in (first, second)] == ["ark", "zoo"]
    assert second["next"] is None


def test_a_thumbnail_is_encoded_anew(sent: TestClient) -> None:
    jpeg = picture(200, (300, 200), "JPEG") + b"<script>alert(1)</script>"
    sent.post("/v1/datasets/zoo/images", data={"cls": "fox"}, files={"files": ("wide.jpg", jpeg)})
    (image,) = sent.get("/v1/datasets/zoo/images", params={"cls": "fox"}).json()["items"]

    for params, size in (({}, (64, 43)), ({"size": 128}, (128, 85))):
        answer = sent.get(image["thumbnail"], params=params)
        with Image.open(io.BytesIO(answer.content)) as small:
            assert (small.format, small.size) == ("PNG", size)
        assert answer.headers["content-type"] == "image/png"
        assert b"script" not in answer.content
    assert sent.get(image["thumbnail"], params={"size": 4000}).status_code == 422


def test_images_are_added_to_a_class_and_removed(sent: TestClient) -> None:
    files = [("files", (f"{n}.png", picture(n))) for n in (1, 2)]
    files.append(("files", ("bad.png", b"no image")))

    added = sent.post("/v1/datasets/zoo/images", data={"cls": "fox"}, files=files)
    (first, _) = sent.get("/v1/datasets/zoo/images", params={"cls": "fox"}).json()["items"]
    removed = sent.delete(f"/v1/datasets/zoo/images/{first['id']}")

    assert added.status_code == 201
    assert added.json()["num_added"] == 2
    assert added.json()["problems"] == [{"path": "fox/bad.png", "reason": "is not an image"}]
    assert (added.json()["version"]["version"], removed.json()["version"]) == (2, 3)
    assert sent.delete(f"/v1/datasets/zoo/images/{first['id']}").status_code == 404


def test_every_error_has_its_status(sent: TestClient, zoo: Path) -> None:
    content = zoo.read_bytes()

    def post(name: str, content: bytes) -> int:
        files = {"file": ("z.zip", content)}
        return sent.post("/v1/datasets", data={"name": name}, files=files).status_code

    assert post("zoo", content) == 409
    assert post("new", b"no zip") == 400
    assert post("No Name", content) == 400
    registered = sent.post("/v1/datasets/registered", json={"name": "x", "folder": "/etc"})
    assert registered.status_code == 403
    assert sent.get("/v1/datasets/zoo", params={"version": 9}).status_code == 404
    assert sent.get("/v1/datasets/zoo/images/999/thumbnail").status_code == 404
    assert sent.get("/v1/datasets/zoo/images", params={"limit": 0}).status_code == 422


def test_a_folder_is_registered_over_http(
    client_with: Callable[..., TestClient], zoo: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(zoo) as file:
        file.extractall(tmp_path / "root" / "zoo")
    client = client_with(data_roots=(tmp_path / "root",))

    answer = client.post("/v1/datasets/registered", json={"name": "zoo", "folder": "zoo"})

    assert answer.status_code == 201
    assert answer.json()["origin"] == "folder"
    assert str(tmp_path) not in answer.text


def test_data_are_managed_by_keys_with_that_scope_alone(
    client_with: Callable[..., TestClient],
) -> None:
    client = client_with(keys="required")

    assert client.get("/v1/datasets").status_code == 401
