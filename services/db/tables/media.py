"""Photos, sound and films of terminals (多媒体): what each is. The bytes are files (see services.media)."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key


# row security: of the one declared device; written by gateways alone
class Medium(Base):
    """A medium that a terminal announced, uploaded, or could not leave here; `number` is the terminal's own."""

    __tablename__ = "media"
    __table_args__ = (
        Index("uq_media_content", "device_id", "number", "sha256", unique=True, postgresql_nulls_not_distinct=True),
        Index("ix_media_device_id", "device_id", "id"),
        Index("ix_media_sha256", "sha256"),
    )

    id: Mapped[Key]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    number: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[int] = mapped_column(SmallInteger)  # 0 image, 1 sound, 2 film
    format: Mapped[int] = mapped_column(SmallInteger)  # 0 JPEG, 1 TIF, 2 MP3, 3 WAV, 4 WMV
    event: Mapped[int] = mapped_column(SmallInteger)  # why it was taken: 0 told to, 1 timer, 2 robbery, 3 collision, …
    channel: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[datetime]  # when it was taken, if the terminal says so; else when it came
    received_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    fix_at: Mapped[datetime | None]  # with device_id and fix_hash the key of the fix that says where
    fix_hash: Mapped[int | None] = mapped_column(BigInteger)
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[bytes | None]  # of the file; null: only announced, or refused
    refused: Mapped[str | None]  # why the bytes were not kept
