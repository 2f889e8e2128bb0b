"""The looks and poses that requests name, found: in the model's gallery, or among the caller's."""

from collections.abc import Sequence
from functools import partial

from funit.database.connection import reading
from funit.database.schema import Pose as PoseRow
from funit.service.auth import Caller
from funit.service.diverse import NamedPose
from funit.service.generator import GalleryPose
from funit.service.model_cache import LoadedModel
from funit.service.owners import find_own, is_id, listed
from funit.service.pictures import Picture
from funit.service.saved_looks import Examples, KeptLook, check_model, open_look
from funit.service.services import Services

_NUM_COMPARED = 64  # of the uploaded poses, the newest, when the system picks
_COPIES = 2  # of a look in memory: its examples, and what they show together


async def model_for(
    services: Services, caller: Caller, asked: str | None, looks: Sequence[str]
) -> tuple[LoadedModel, list[KeptLook]]:
    """The model asked for, else the one of the saved looks, else the default; and these looks."""
    kept = [
        await services.lookups.find(
            ("look", look, caller),
            partial(open_look, services, caller, look),
            lambda found: _COPIES * found.row.size,
        )
        for look in looks
        if is_id(look)
    ]
    model = await services.generator.model(asked or (kept[0].row.model if kept else None))
    for each in kept:
        check_model(each.row, model)
    return model, kept


def examples_of(
    model: LoadedModel, looks: Sequence[str], kept: Sequence[KeptLook]
) -> list[Examples]:
    """What each look is made of: a saved one of its examples, one of the gallery of itself."""
    by_id = {each.row.id: each.examples for each in kept}
    return [by_id.get(look) or Examples([model.gallery_look(look)], [1.0]) for look in looks]


def find_poses(
    services: Services, caller: Caller, model: LoadedModel, wanted: Sequence[str]
) -> list[NamedPose]:
    """Poses by their names in the gallery or the ids of uploaded ones; raises NotThereError."""
    found = []
    for name in wanted:
        if is_id(name):
            with reading(services.database) as session:
                row = find_own(session, PoseRow, name, caller)
            found.append(NamedPose(name, Picture(services.storage.get(row.sha256), name)))
        else:
            index = model.gallery_pose(name)
            found.append(NamedPose(model.require_gallery().pose_names[index], GalleryPose(index)))
    return found


def uploaded_poses(services: Services, caller: Caller) -> list[NamedPose]:
    """The caller's newest uploaded poses, among which the system picks."""
    with reading(services.database) as session:
        rows = session.scalars(listed(PoseRow, caller, _NUM_COMPARED, 0)).all()
    return [NamedPose(row.id, Picture(services.storage.get(row.sha256), row.id)) for row in rows]
