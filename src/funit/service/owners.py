"""Looks and poses of callers: each sees their own, and who may do everything sees all."""

import re
import secrets
from typing import TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from funit.database.schema import DataSet, DataSetImage, Pose, SavedLook
from funit.errors import NotThereError
from funit.service.auth import Caller
from funit.service.errors import TooLargeError
from funit.service.services import Services
from funit.service.settings import MIB

T = TypeVar("T", SavedLook, Pose)
_ID = re.compile(r"(look|pose)_[0-9a-f]{16}")


def new_id(kind: str) -> str:
    """`look_...` or `pose_...`, which nobody guesses."""
    return f"{kind}_{secrets.token_hex(8)}"


def is_id(text: str) -> bool:
    """Whether it is the id of a look or a pose, and no name."""
    return _ID.fullmatch(text) is not None


def own(table: type[T], caller: Caller) -> Select[T]:
    """The rows that the caller may see, the newest first."""
    query = select(table).order_by(table.created_at.desc(), table.id)
    if caller.key_id is None or caller.may("admin"):
        return query
    return query.where(table.key_id == caller.key_id)


def find_own(
    session: Session, table: type[T], row_id: str, caller: Caller, *, lock: bool = False
) -> T:
    """The caller's look or pose of that id, to be changed if it is locked; raises NotThereError."""
    what = "look" if table is SavedLook else "pose"
    wanted = own(table, caller).where(table.id == row_id)
    wanted = wanted.with_for_update() if lock else wanted
    found = session.scalar(wanted) if is_id(row_id) else None
    if found is None:
        raise NotThereError(f"there is no {what} `{row_id}`", hint=f"GET /v1/{what}s lists yours")
    return found


def used_bytes(session: Session, key_id: int | None) -> int:
    """What a key's data sets, with all that their old versions keep, its looks and poses take."""
    datasets = select(DataSet.id).where(DataSet.key_id == key_id)
    sums = [
        select(func.sum(DataSetImage.size)).where(DataSetImage.dataset_id.in_(datasets)),
        *(select(func.sum(t.size)).where(t.key_id == key_id) for t in (SavedLook, Pose)),
    ]
    return sum(int(session.scalar(each) or 0) for each in sums)


def check_room(session: Session, services: Services, caller: Caller, size: int) -> None:
    """Raises TooLargeError where another look or pose of a key would be more than it may have."""
    if caller.key_id is None:
        return
    limit = services.settings.limits.key_bytes
    if used_bytes(session, caller.key_id) + size > limit:
        raise TooLargeError(
            f"the data sets, looks and poses of the key `{caller.name}` would take more than "
            f"{limit / MIB:g} MiB",
            hint="remove some that are no longer needed",
        )


def listed(table: type[T], caller: Caller, limit: int, offset: int) -> Select[T]:
    """A page of what the caller may see."""
    return own(table, caller).limit(limit).offset(offset)
