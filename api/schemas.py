"""What several routes say in the same words."""

from typing import Annotated, Generic, TypeVar

from fastapi import Path
from pydantic import BaseModel, ConfigDict

T = TypeVar("T")
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
"""The number of a thing in a path: more would not fit its column."""


class Model(BaseModel):
    """Base of everything that crosses the door as JSON."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Page(Model, Generic[T]):
    """A part of a list; ask again with `cursor=next_cursor` while it is not null."""

    items: list[T]
    next_cursor: str | None = None
