"""What several routes say in the same words."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Model(BaseModel):
    """Base of everything that crosses the door as JSON."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Page(Model, Generic[T]):
    """A part of a list; ask again with `cursor=next_cursor` while it is not null."""

    items: list[T]
    next_cursor: str | None = None
