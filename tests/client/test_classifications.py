"""Which class images show, as a service that runs says it."""

from pathlib import Path

from funit import Client
from funit.data.menagerie import write_menagerie


def test_images_are_classified_by_examples_and_by_a_data_set(
    client: Client, tmp_path: Path
) -> None:
    write_menagerie(tmp_path / "all", num_classes=3, num_poses=4, size=64, seed=4321)
    classes = {
        folder.name: sorted(folder.iterdir()) for folder in sorted((tmp_path / "all").iterdir())
    }
    fox, wolf, stranger = classes
    asked = [classes[fox][3], classes[stranger][3]]
    known = {name: classes[name][:2] for name in (fox, wolf)}

    found = client.classify(asked, known, threshold=0.5)

    assert [each.cls for each in found.items] == [fox, None]
    assert (found.threshold, found.added_to) == (0.5, None)
    assert found.items[0].classes[0].score == found.items[0].score

    _zip(tmp_path / "two.zip", known)
    client.upload_dataset("two", tmp_path / "two.zip")
    found = client.classify(asked[0], "two@1", threshold=0.5, add_to="two")

    assert found.added_to is not None
    assert (found.added_to.version, found.added_to.num_images) == (2, 5)


def _zip(path: Path, classes: dict[str, list[Path]]) -> None:
    import zipfile

    with zipfile.ZipFile(path, "w") as file:
        for name, images in classes.items():
            for image in images:
                file.write(image, f"{name}/{image.name}")
