"""Accounts and the roles they hold."""

from sqlalchemy import insert, select

from services.access import passwords
from services.access.roles import SECOND_FACTOR, Role, check_separation
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account, AccountRole
from services.errors import ConflictError, InvalidError


class NameTakenError(ConflictError):
    """Another account has this name."""


class NoRoleError(InvalidError):
    """An account without a role could do nothing."""


async def create_account(
    db: WriteSession,
    username: str,
    display_name: str,
    password: str,
    roles: frozenset[Role],
    *,
    must_renew: bool = False,
) -> int:
    """Create an account and return its id; `must_renew` when somebody else knows the password.

    Raises:
        WeakPasswordError: the password is too short or easily guessed.
        SeparationError: the roles must not meet in one person.
        NoRoleError: there is no role.
        NameTakenError: the name is taken.
    """
    if not roles:
        raise NoRoleError("An account has at least one role.")
    check_separation(roles)
    passwords.check(password, username, second_factor=bool(roles & SECOND_FACTOR))
    if (await db.execute(select(Account.id).where(Account.username == username))).first():
        raise NameTakenError("The name {username} is taken.", username=username)
    row = insert(Account).values(
        username=username, display_name=display_name, password_hash=passwords.hashed(password), must_renew=must_renew
    )
    account_id = int((await db.execute(row.returning(Account.id))).scalar_one())
    await db.execute(insert(AccountRole), [{"account_id": account_id, "role": role} for role in sorted(roles)])
    return account_id


async def roles_of(db: ReadSession, account_id: int) -> frozenset[Role]:
    """Return the roles an account holds now."""
    names = (await db.execute(select(AccountRole.role).where(AccountRole.account_id == account_id))).scalars()
    return frozenset(Role(name) for name in names)
