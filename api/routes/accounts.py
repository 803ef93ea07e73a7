"""Accounts and their roles: the security administrator's door."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, status
from pydantic import Field

from api import deps
from api.schemas import Id, Model, Page
from services import access, accounts, subjects

router = APIRouter(prefix="/accounts", tags=["accounts"])

Issuer = Annotated[str, Field(min_length=1, max_length=500)]


class AccountIn(Model):
    """An account to create; its first password is made here and told once."""

    username: str = Field(pattern=r"^[\w.-]{2,40}$")
    display_name: str = Field(min_length=1, max_length=80)
    roles: frozenset[access.Role] = Field(min_length=1)


class IdentityOut(Model):
    """The name another provider knows an account by."""

    issuer: Issuer
    subject: str = Field(min_length=1, max_length=255)


class AccountOut(Model):
    """An account."""

    id: int
    username: str
    display_name: str
    active: bool
    locked_until: datetime | None
    created_at: datetime
    roles: list[access.Role]
    has_factor: bool
    sessions: int
    identities: list[IdentityOut]


class NewAccountOut(Model):
    """The number of a new account, and the password its owner has to change at once."""

    id: int
    password: str


class FirstPasswordOut(Model):
    """A password that its owner has to change at once."""

    password: str


class OwnSessionOut(Model):
    """A session that is kept of a person."""

    kind: access.Kind
    created_at: datetime
    seen_at: datetime
    remote: str | None
    device: str | None


class CarriedOut(Model):
    """A duty on a unit, and the device the unit carried then."""

    call_sign: str
    device_id: int | None
    since: datetime
    until: datetime | None


class PersonOut(Model):
    """All that is kept about a person; `done`: rows about what was done; `carried`: the last duties on units."""

    account_id: int
    username: str
    display_name: str
    active: bool
    created_at: datetime
    roles: list[access.Role]
    sessions: list[OwnSessionOut]
    identities: list[str]
    second_factor: bool
    done: dict[str, int]
    carried: list[CarriedOut]


class NameIn(Model):
    """The name a person should be shown by."""

    display_name: str = Field(min_length=1, max_length=80)


class KeptOut(Model):
    """What stays after a person's data was deleted, without the name: rows by table."""

    kept: dict[str, int]


class RolesOut(Model):
    """What a role permits, and what never meets in one person."""

    roles: dict[access.Role, list[access.Act]]
    separated: list[list[access.Role]]
    second_factor: list[access.Role]


@router.get("")
async def list_accounts(
    who: deps.Who,
    db: deps.ReadDb,
    cursor: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Page[AccountOut]:
    """Accounts, by id."""
    found = await accounts.list_accounts(who, db, after_id=cursor, limit=limit)
    return Page[AccountOut].of(found, limit)


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_account(who: deps.Who, db: deps.WriteDb, body: AccountIn) -> NewAccountOut:
    """Create an account."""
    made = await accounts.create_account(
        who, db, username=body.username, display_name=body.display_name, roles=body.roles
    )
    return NewAccountOut.model_validate(made)


@router.get("/roles")
async def read_roles(_: deps.Who) -> RolesOut:
    """What each role permits, which never meet in one person, and which ask for a second factor."""
    permits = {role: sorted(act for act, roles in access.PERMISSIONS.items() if role in roles) for role in access.Role}
    separated = [sorted(pair) for pair in access.SEPARATED]
    return RolesOut(roles=permits, separated=separated, second_factor=sorted(access.SECOND_FACTOR))


@router.get("/{account_id}")
async def read_account(who: deps.Who, db: deps.ReadDb, account_id: Id) -> AccountOut:
    """One account."""
    return AccountOut.model_validate(await accounts.read_account(who, db, account_id))


@router.put("/{account_id}/roles/{role}", status_code=status.HTTP_204_NO_CONTENT)
async def grant_role(who: deps.Who, db: deps.WriteDb, account_id: Id, role: access.Role) -> None:
    """Give an account a role."""
    await accounts.grant_role(who, db, account_id, role)


@router.delete("/{account_id}/roles/{role}", status_code=status.HTTP_204_NO_CONTENT)
async def revoke_role(who: deps.Who, db: deps.WriteDb, account_id: Id, role: access.Role) -> None:
    """Take a role from an account."""
    await accounts.revoke_role(who, db, account_id, role)


@router.post("/{account_id}/lock", status_code=status.HTTP_204_NO_CONTENT)
async def lock_account(who: deps.Who, db: deps.WriteDb, account_id: Id) -> None:
    """Shut an account and end its sessions."""
    await accounts.lock_account(who, db, account_id)


@router.post("/{account_id}/unlock", status_code=status.HTTP_204_NO_CONTENT)
async def unlock_account(who: deps.Who, db: deps.WriteDb, account_id: Id) -> None:
    """Open an account again."""
    await accounts.unlock_account(who, db, account_id)


@router.delete("/{account_id}/factor", status_code=status.HTTP_204_NO_CONTENT)
async def reset_factor(who: deps.Who, db: deps.WriteDb, account_id: Id) -> None:
    """Forget the second factor of an account."""
    await accounts.reset_factor(who, db, account_id)


@router.post("/{account_id}/password")
async def reset_password(who: deps.Who, db: deps.WriteDb, account_id: Id) -> FirstPasswordOut:
    """Give an account a new first password."""
    return FirstPasswordOut(password=await accounts.reset_password(who, db, account_id))


@router.delete("/{account_id}/sessions", status_code=status.HTTP_204_NO_CONTENT)
async def end_sessions(who: deps.Who, db: deps.WriteDb, account_id: Id) -> None:
    """End all sessions of an account."""
    await accounts.end_sessions(who, db, account_id)


@router.post("/{account_id}/identities", status_code=status.HTTP_204_NO_CONTENT)
async def link_identity(who: deps.Who, db: deps.WriteDb, account_id: Id, body: IdentityOut) -> None:
    """Let an account sign in through another provider."""
    await accounts.link_identity(who, db, account_id, issuer=body.issuer, subject=body.subject)


@router.delete("/{account_id}/identities", status_code=status.HTTP_204_NO_CONTENT)
async def unlink_identity(who: deps.Who, db: deps.WriteDb, account_id: Id, issuer: Issuer) -> None:
    """Take an account's way in through another provider away."""
    await accounts.unlink_identity(who, db, account_id, issuer=issuer)


@router.get("/{account_id}/data")
async def list_person(who: deps.Who, db: deps.ReadDb, account_id: Id) -> PersonOut:
    """All that is kept about the owner of an account."""
    return PersonOut.model_validate(await subjects.list_person(who, db, account_id))


@router.put("/{account_id}/data", status_code=status.HTTP_204_NO_CONTENT)
async def correct_person(who: deps.Who, db: deps.WriteDb, account_id: Id, body: NameIn) -> None:
    """Correct the name a person is shown by."""
    await subjects.correct_person(who, db, account_id, display_name=body.display_name)


@router.delete("/{account_id}/data")
async def delete_person(who: deps.Who, db: deps.WriteDb, now: deps.Now, account_id: Id) -> KeptOut:
    """Delete a person's account data for good; what was done on duty stays, without the name, for its own time."""
    return KeptOut(kept=await subjects.delete_person(who, db, account_id, now=now))
