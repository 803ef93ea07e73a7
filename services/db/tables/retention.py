"""What was destroyed, why it had to be, and how much of it. Append-only."""

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key


class Destruction(Base):
    """One rule of retention that was applied, or data of one person that was deleted on request."""

    __tablename__ = "destruction"

    id: Mapped[Key]
    at: Mapped[datetime]
    what: Mapped[str]  # the rule's name, or subject:<account id>, call:<id>, device:<id>
    basis: Mapped[str]  # the legal basis
    since: Mapped[datetime | None]  # nothing older than this; null: from the beginning
    before: Mapped[datetime | None]  # everything older than this
    rows: Mapped[int]
    partitions: Mapped[list[str]] = mapped_column(ARRAY(Text))  # dropped as a whole
