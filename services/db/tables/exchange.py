"""Platforms that exchange positions with this one by JT/T 809, and what waits to be sent to the upper platform."""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key


class Platform(Base):
    """A lower platform that may log in here. The password is plain on the wire and hashed here."""

    __tablename__ = "platform"

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(unique=True)
    access_code: Mapped[int] = mapped_column(unique=True)  # 下级平台接入码, in the header of every frame
    user_id: Mapped[int]
    password_hash: Mapped[str]  # Argon2
    edition: Mapped[str]  # "2011", "2019": no frame tells it
    addresses: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))  # networks; empty: any
    cipher: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))  # M1, IA1, IC1; null: bodies are plain
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Forward(Base):
    """A stored fix that the upper platform has not confirmed yet."""

    __tablename__ = "forward"

    id: Mapped[Key]
    device_id: Mapped[int]
    at: Mapped[datetime]
    payload_hash: Mapped[int]
    plate: Mapped[str]
    color: Mapped[int] = mapped_column(SmallInteger)  # JT/T 415
    queued_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
