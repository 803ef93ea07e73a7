"""The database agrees: roles that own nothing, grants, and policies of rows. One place; see docs/adr/0066."""

from services.db.security.apply import declare
from services.db.security.logins import PROCESSES, make_login
from services.db.security.roles import DbRole, role_name

__all__ = ["PROCESSES", "DbRole", "declare", "make_login", "role_name"]
