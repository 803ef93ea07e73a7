"""Whether those who follow a stream may still do so: one question for all of them."""

from collections.abc import Collection

from sqlalchemy import select

from services.access.roles import PERMISSIONS, Act
from services.db.engine import ReadSession
from services.db.tables.access import Account, AccountRole, Login


async def still_permitted(db: ReadSession, session_ids: Collection[str], act: Act) -> set[str]:
    """Return the sessions among these that were not ended and whose account still may do the act."""
    found = (
        select(Login.id)
        .join(Account, Account.id == Login.account_id)
        .join(AccountRole, AccountRole.account_id == Login.account_id)
        .where(Login.id.in_(session_ids), Account.active, AccountRole.role.in_(PERMISSIONS[act]))
    )
    return set((await db.execute(found)).scalars())
