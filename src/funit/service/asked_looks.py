"""The looks and poses that requests name, found: in the model's gallery, or among the caller's."""

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool

from funit.database.connection import reading
from funit.database.schema import Pose as PoseRow
from funit.database.schema import SavedLook
from funit.errors import UserError
from funit.service.auth import Caller
from funit.service.diverse import NamedPose
from funit.service.generator import GalleryPose
from funit.service.model_cache import LoadedModel
from funit.service.owners import find_own, is_id, listed
from funit.service.pictures import Picture
from funit.service.saved_looks import Examples, check_model, find_look, read_examples
from funit.service.services import Services

_NUM_COMPARED = 64  # of the uploaded poses, the newest, when the system picks


async def model_for(
    services: Services, caller: Caller, asked: str | None, looks: Sequence[str]
) -> tuple[LoadedModel, list[SavedLook]]:
    """The model asked for, else the one of the saved looks, else the default; and these looks."""
    rows = [
        await run_in_threadpool(find_look, services, caller, look) for look in looks if is_id(look)
    ]
    model = await services.generator.model(asked or (rows[0].model if rows else None))
    for row in rows:
        check_model(row, model)
    return model, rows


async def examples_of(
    services: Services, model: LoadedModel, looks: Sequence[str], rows: Sequence[SavedLook]
) -> list[Examples]:
    """What each look is made of: a saved one of its examples, one of the gallery of itself."""
    by_id = {row.id: row for row in rows}
    return [
        await run_in_threadpool(read_examples, services, by_id[look])
        if look in by_id
        else Examples([model.gallery_look(look)], [1.0])
        for look in looks
    ]


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


def refuse_both(first: Sequence[object], second: Sequence[object], names: str) -> None:
    """Raises UserError where two ways of saying the same are used at once."""
    if first and second:
        raise UserError(f"{names} are given", hint="give one of them")
