"""Who signs in at the pages that are measured."""

import asyncio
import secrets

from services import access
from services.db.engine import make_engine, writing

PASSWORD = secrets.token_urlsafe()
"""Good for this run."""


def make_dispatcher(url: str, name: str = "bench-desk") -> str:
    """Make a dispatcher's account with `PASSWORD` and return its name."""

    async def make() -> None:
        engine = make_engine(url)
        async with writing(engine) as db:
            await access.create_account(db, name, "Bench", PASSWORD, frozenset({access.Role.DISPATCHER}))
        await engine.dispose()

    asyncio.run(make())
    return name
