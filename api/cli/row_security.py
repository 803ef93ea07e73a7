"""What the database itself permits, read from the rules it is made from: role by table by verb."""

from services import access
from services.db.security import DbRole, apply, rules

VERBS = rules.ALL.split()
_HEAD = """# Row security

Written by `tianshu reference` from the rules (services/db/security) that the migrations make policies of. PostgreSQL
checks them under every request, whatever the service asks: FORCE ROW LEVEL SECURITY stands on every table with people
or tracks. A test compares this page with what PostgreSQL answers, cell by cell; another drops each policy in turn.

S, I, U, D: SELECT, INSERT, UPDATE, DELETE of all rows; s, i, u, d: of some rows, those of the list below the table.

"""


def cell(table: str, role: str) -> str:
    """Return what an officer's role may do with a table: capital letters for all rows, small ones for some."""
    if table in rules.PLACES:
        return "".join(verb[0] for verb in VERBS if verb in rules.PLACES[table].split())
    letters = dict.fromkeys(VERBS, "")
    for rule in apply.rules_of(table):
        if rule.roles == rules.ANYBODY or role in rule.roles.split():
            for verb in rule.verbs.split():
                small = verb[0].lower() if letters[verb] != verb[0] else verb[0]
                letters[verb] = verb[0] if apply.is_unlimited(rule, verb) else small
    return "".join(letters.values())


def machine_cell(table: str, role: DbRole) -> str:
    """Return what a process without a person behind it may do with a table."""
    return "".join(verb[0] for verb in VERBS if verb in apply.grants(table).get(role, "").split())


def row_security_page() -> str:
    """Return the page: officers by table, the limits in words, processes by table."""
    roles, machines = list(access.Role), (DbRole.DOOR, DbRole.INGEST, DbRole.AUDIT, DbRole.WORKER)
    officers = [(table, [cell(table, role) for role in roles]) for table in rules.TABLES]
    others = [(table, [machine_cell(table, role) for role in machines]) for table in rules.TABLES]
    limits = [
        f"- `{rule.table}` {rule.verbs}: {rule.words} ({rule.roles.replace(' ', ', ') or 'whoever is signed in'})"
        for rule in rules.RULES
        if rule.words != rules.EVERY
    ]
    return (
        f"{_HEAD}## Officers\n\n{_table(roles, officers)}\n## Some rows\n\n" + "\n".join(limits) + "\n\n"
        "## Processes\n\nWithout a person behind them: signing in, what devices tell, the trail's own connection, "
        f"timed jobs and the operator's command line.\n\n{_table(machines, others)}"
    )


def _table(columns: list[access.Role] | tuple[DbRole, ...], rows: list[tuple[str, list[str]]]) -> str:
    head = "| table | " + " | ".join(f"`{column}`" for column in columns) + " |\n|---|" + "---|" * len(columns) + "\n"
    return head + "".join(f"| `{table}` | " + " | ".join(cells) + " |\n" for table, cells in rows)
