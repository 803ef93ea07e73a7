"""The database agrees: roles that own nothing, grants, and policies of rows. One place; see docs/adr/0066."""

from services.db.security.apply import declare
from services.db.security.roles import DbRole, role_name

__all__ = ["DbRole", "declare", "role_name"]
