"""Looks that are kept: the look of each example by itself, and what each counts.

One safetensors file: `N.PART` is a part of the Nth example's look, each a batch of one. So others
can be added later and blends made, without any of the pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from safetensors import SafetensorError
from safetensors.numpy import load, save

from funit.contents import drop_unnamed, put_named
from funit.database.connection import reading, writing
from funit.database.schema import SavedLook
from funit.engines.engine import Look
from funit.errors import ConflictError, UserError
from funit.service.auth import Caller
from funit.service.errors import TooLargeError
from funit.service.generator import merged
from funit.service.model_cache import LoadedModel
from funit.service.owners import check_room, find_own, new_id
from funit.service.services import Services
from funit.translator import shares_of


@dataclass(frozen=True, eq=False)
class Examples:
    """The looks of single examples, and what each counts: 1 is as much as any other."""

    looks: Sequence[Look]
    weights: Sequence[float]

    def together(self) -> Look:
        """The look that they show."""
        return self._together

    @cached_property
    def _together(self) -> Look:
        return merged(self.looks, self.weights)

    def with_more(self, other: "Examples") -> "Examples":
        """These and others."""
        return Examples([*self.looks, *other.looks], [*self.weights, *other.weights])

    @classmethod
    def given(cls, looks: Sequence[Look], weights: Sequence[float] | None) -> "Examples":
        """Examples with the weights asked for; their mean is 1. Raises UserError."""
        shares = shares_of(weights, len(looks))
        return cls(looks, [float(share) * len(looks) for share in shares])

    @classmethod
    def added(cls, looks: Sequence[Look], weights: Sequence[float] | None) -> "Examples":
        """Examples beside others: each counts what is asked, 1 where nothing is. UserError."""
        shares_of(weights, len(looks))
        return cls(looks, list(weights) if weights else [1.0] * len(looks))

    @classmethod
    def blended(cls, several: Sequence["Examples"], weights: Sequence[float] | None) -> "Examples":
        """A blend, each of them counting what is asked, however many examples it has."""
        shares = shares_of(weights, len(several))
        looks = [look for each in several for look in each.looks]
        counted = [
            float(share) * weight / sum(each.weights) * len(looks)
            for each, share in zip(several, shares, strict=True)
            for weight in each.weights
        ]
        return cls(looks, counted)

    def to_bytes(self) -> bytes:
        """The file."""
        return save(
            {
                f"{n}.{part}": array
                for n, look in enumerate(self.looks)
                for part, array in look._asdict().items()
            }
        )

    @classmethod
    def read(cls, file: bytes, weights: Sequence[float]) -> "Examples":
        """The examples in a file; raises UserError where it cannot be understood."""
        try:
            arrays = load(file)
            looks = [Look(*(arrays[f"{n}.{p}"] for p in Look._fields)) for n in range(len(weights))]
        except (SafetensorError, KeyError) as error:
            raise UserError(f"a saved look is damaged: {error}", hint="make it again") from None
        return cls(looks, weights)


@dataclass(frozen=True)
class KeptLook:
    """A look of the database, and what it is made of."""

    row: SavedLook
    examples: Examples


def keep_look(
    services: Services, caller: Caller, model: LoadedModel, examples: Examples, name: str | None
) -> SavedLook:
    """Keeps a look of its own; raises TooLargeError where there is no room."""
    _check_count(services, examples)
    file = examples.to_bytes()
    with writing(services.database) as session:
        check_room(session, services, caller, len(file))
        row = SavedLook(
            id=new_id("look"),
            name=name,
            model=model.name,
            weights_sha256=model.weights_sha256,
            num_examples=len(examples.looks),
            shares=list(examples.weights),
            sha256=put_named(session, services.storage, file),
            size=len(file),
            key_id=caller.key_id,
        )
        session.add(row)
    return row


def add_to_look(services: Services, caller: Caller, look_id: str, more: Examples) -> SavedLook:
    """Adds examples to a look; raises NotThereError or TooLargeError."""
    with writing(services.database) as session:  # two who add at once wait for each other
        row = find_own(session, SavedLook, look_id, caller, lock=True)
        everything = read_examples(services, row).with_more(more)
        _check_count(services, everything)
        file = everything.to_bytes()
        check_room(session, services, caller, len(file) - row.size)
        unused = [row.sha256, row.thumbnail_sha256]
        row.sha256 = put_named(session, services.storage, file)
        row.size, row.thumbnail_sha256 = len(file), None
        row.shares, row.num_examples = list(everything.weights), len(everything.looks)
    drop_unnamed(services.database, services.storage, unused)
    return row


def remove_look(services: Services, caller: Caller, look_id: str) -> None:
    """Removes a look; raises NotThereError."""
    with writing(services.database) as session:
        row = find_own(session, SavedLook, look_id, caller, lock=True)
        session.delete(row)
    drop_unnamed(services.database, services.storage, [row.sha256, row.thumbnail_sha256])


def find_look(services: Services, caller: Caller, look_id: str) -> SavedLook:
    """The caller's look of that id; raises NotThereError."""
    with reading(services.database) as session:
        return find_own(session, SavedLook, look_id, caller)


def open_look(services: Services, caller: Caller, look_id: str) -> KeptLook:
    """The caller's look of that id with its examples; raises NotThereError."""
    row = find_look(services, caller, look_id)
    return KeptLook(row, read_examples(services, row))


def read_examples(services: Services, row: SavedLook) -> Examples:
    """What a look is made of."""
    return Examples.read(services.storage.get(row.sha256), row.shares)


def check_model(row: SavedLook, model: LoadedModel) -> None:
    """Raises ConflictError where another model made the look: its codes mean something else."""
    if row.weights_sha256 != model.weights_sha256:
        raise ConflictError(
            f"the look `{row.id}` was made by `{row.model}`, not by `{model.name}`",
            hint=f"leave out `model`, or make the look again with `{model.name}`",
        )


def _check_count(services: Services, examples: Examples) -> None:
    limit = services.settings.limits.num_examples
    if len(examples.looks) > limit:
        raise TooLargeError(
            f"the look would be of {len(examples.looks)} examples", hint=f"at most {limit} may be"
        )
