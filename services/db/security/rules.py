"""Who may do what to which rows, as a table: `apply` makes policies of it, `tianshu reference` a page.

A rule serves acts of services/access/roles.py and names the roles that may do them; a test compares the two.
"""

from dataclasses import dataclass

EVERY = "all rows"
OWN = "account_id = (SELECT tianshu_account())"
ANYBODY = ""
"""Roles of a rule that looks at the row only, whoever asks; `apply` asks for claims all the same."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Officers of some roles may do some verbs to the rows that meet a condition.

    `check` is what a written row has to meet; if left out, the condition of `rows`.
    """

    table: str
    verbs: str
    roles: str
    acts: str
    rows: str = "true"
    check: str | None = None
    words: str = EVERY


POLICE = "dispatcher park_officer patrol_officer"
SCREEN = f"{POLICE} wall"
DESK = "dispatcher"
CREWS = "dispatcher patrol_officer"
ADMIN = "system_admin"
SECURITY = "security_admin"
CASES = "approver investigator"
WATCH = "auditor security_admin"
TRACKS = "dispatcher investigator"

DECLARED = "ANY (string_to_array((SELECT tianshu_claim('subjects')), ','))"
"""The subjects a transaction declared that it is about."""
RIGHTS = "manage_personal_data"
OF_PERSON = "of the one declared {}"

PATROLS = ("beat", "checkpoint", "roster", "patrol_plan", "patrol_stop")

IDENTITY = (
    Rule("account", "SELECT", f"{SCREEN} {ADMIN} {CASES} {WATCH}", "view_roads view_cases view_accounts",
         words="all, but no password: names of colleagues stand on what they did"),
    Rule("account", "SELECT", ANYBODY, "", "id = (SELECT tianshu_account())", words="one's own"),
    Rule("account", "INSERT UPDATE", SECURITY, "manage_accounts manage_personal_data"),
    Rule("account_role", "SELECT", WATCH, "view_accounts"),
    Rule("account_role", "SELECT", ANYBODY, "", OWN, words="one's own"),
    Rule("account_role", "SELECT", ANYBODY, "", "role = 'approver'", words="who approves"),
    Rule("account_role", "INSERT", SECURITY, "manage_accounts", f"{OWN} IS NOT TRUE", words="not one's own"),
    Rule("account_role", "DELETE", SECURITY, "manage_accounts manage_personal_data"),
    Rule("login", "SELECT", WATCH, "view_accounts"),
    Rule("login", "SELECT DELETE", ANYBODY, "", OWN, words="one's own"),
    Rule("login", "DELETE", SECURITY, "manage_accounts manage_personal_data"),
    Rule("second_factor", "SELECT", WATCH, "view_accounts"),
    Rule("second_factor", "DELETE", SECURITY, "manage_accounts manage_personal_data"),
    Rule("recovery_code", "SELECT DELETE", SECURITY, "manage_accounts manage_personal_data"),
    Rule("identity", "SELECT", WATCH, "view_accounts"),
    Rule("identity", "INSERT DELETE", SECURITY, "manage_accounts manage_personal_data"),
)  # fmt: skip

FLEET = (
    Rule("device", "SELECT", f"{DESK} {ADMIN}", "view_devices dispatch"),
    Rule("device", "INSERT UPDATE", ADMIN, "manage_devices"),
    Rule("pending_device", "SELECT", f"{DESK} {ADMIN}", "view_devices"),
    Rule("pending_device", "DELETE", ADMIN, "manage_devices"),
    Rule("quarantine", "SELECT", f"{DESK} {ADMIN}", "view_devices"),
    Rule("unit", "SELECT", f"{SCREEN} {ADMIN} {CASES}", "view_live view_devices view_track view_exports"),
    Rule("unit", "INSERT UPDATE", ADMIN, "manage_devices"),
    Rule("carriage", "SELECT", f"{SCREEN} {ADMIN} {CASES}", "view_live view_devices view_track view_exports"),
    Rule("carriage", "INSERT UPDATE", ADMIN, "manage_devices"),
    Rule("unit", "UPDATE", CREWS, "dispatch report_status serve"),
    Rule("newest_fix", "SELECT", SCREEN, "view_live"),
    Rule(
        "fix", "SELECT", TRACKS, "view_track",
        "device_id = ANY ((SELECT devices FROM tianshu_look())::bigint[]) AND at <@ "
        "((SELECT spans FROM tianshu_look())::tstzmultirange[])"
        "[array_position((SELECT devices FROM tianshu_look())::bigint[], device_id)] "
        "AND ((SELECT ground FROM tianshu_look()) IS NULL OR ST_Covers((SELECT ground FROM tianshu_look()), place)) "
        "AND ((SELECT tianshu_holds(ARRAY['dispatcher'])) OR (SELECT tianshu_claim('authorisation')) IS NOT NULL)",
        words="of the declared units' devices while they carried them, time and area: inside an authorisation, or "
        "24 hours of a dispatcher's duty",
    ),
    Rule("fix", "SELECT", ADMIN, "view_frames",
         "'device:' || device_id = (SELECT tianshu_claim('subjects'))", words="of the one declared device"),
    Rule("frame_batch", "SELECT", ADMIN, "view_frames"),
    Rule("media", "SELECT", f"{DESK} {ADMIN}", "view_devices view_media",
         "'device:' || device_id = (SELECT tianshu_claim('subjects'))", words="of the one declared device"),
    Rule("gateway", "SELECT", f"{DESK} {ADMIN}", "view_devices"),
    Rule("gateway_session", "SELECT", f"{DESK} {ADMIN}", "view_devices"),
    Rule("short_message", "SELECT", DESK, "dispatch"),
    Rule("short_message", "INSERT", DESK, "dispatch", "direction = 'out'", words="to cards"),
    Rule("area_state", "SELECT DELETE", f"{DESK} {ADMIN}", "manage_areas"),
    Rule("command", "SELECT", f"{DESK} {ADMIN}", "view_devices"),
    Rule("command", "INSERT", f"{DESK} {ADMIN}", "command_device configure_device",
         "asked_by IS NOT DISTINCT FROM (SELECT tianshu_account())", words="asked by oneself"),
    Rule("command", "UPDATE", f"{DESK} {ADMIN}", "command_device configure_device"),
)  # fmt: skip

DISPATCH = (
    Rule("call", "SELECT", SCREEN, "view_calls"),
    Rule("call", "INSERT", DESK, "take_call", "taken_by IS NOT DISTINCT FROM (SELECT tianshu_account())",
         words="taken by oneself"),
    Rule("call", "UPDATE", CREWS, "dispatch take_call report_status serve"),
    Rule("assignment", "SELECT", SCREEN, "view_calls"),
    Rule("assignment", "INSERT", DESK, "dispatch"),
    Rule("assignment", "UPDATE", CREWS, "dispatch report_status serve"),
    Rule("call_link", "SELECT", SCREEN, "view_calls"),
    Rule("call_link", "INSERT UPDATE DELETE", DESK, "dispatch take_call"),
    Rule("crew", "SELECT", SCREEN, "view_live"),
    Rule("crew", "INSERT UPDATE", "patrol_officer", "serve", OWN, words="one's own"),
    Rule("call_event", "SELECT", SCREEN, "view_calls"),
    Rule("call_event", "INSERT", CREWS, "take_call dispatch report_status serve",
         "account_id IS NOT DISTINCT FROM (SELECT tianshu_account())", words="under one's own name"),
    Rule("alert", "SELECT", SCREEN, "view_alerts", "kind <> 'unusual_use'", words="but those of unusual use"),
    Rule("alert", "SELECT", "auditor", "view_audit", "kind = 'unusual_use'", words="of unusual use"),
    Rule("alert", "UPDATE", DESK, "handle_alerts", "kind <> 'unusual_use'", words="but those of unusual use"),
    Rule("alert", "INSERT", POLICE, "call_for_help", "kind = 'sos'", words="a call for help"),
    Rule("desk", "SELECT INSERT UPDATE", SCREEN, "keep_desk", OWN, words="one's own"),
    Rule("handover_note", "SELECT UPDATE", DESK, "hand_over"),
    Rule("handover_note", "INSERT", DESK, "hand_over", "by_account_id = (SELECT tianshu_account())",
         words="written by oneself"),
    *(Rule(table, "SELECT", SCREEN, "view_patrols") for table in PATROLS),
    *(Rule(table, "INSERT UPDATE DELETE", DESK, "manage_patrols") for table in PATROLS),
)  # fmt: skip

OVERSIGHT = (
    Rule("authorisation", "SELECT", f"{CASES} auditor", "view_cases"),
    Rule("authorisation", "SELECT", TRACKS, "view_track", "case_no = (SELECT tianshu_claim('case'))",
         words="of the case one names"),
    Rule("authorisation", "INSERT", "investigator", "propose_case",
         "proposed_by = (SELECT tianshu_account()) AND state = 'proposed'", words="proposed by oneself"),
    Rule("authorisation", "UPDATE", "approver", "approve_case revoke_case", "true",
         "(state = 'approved' AND approved_by = (SELECT tianshu_account()) AND proposed_by <> approved_by) "
         "OR (state = 'revoked' AND revoked_by = (SELECT tianshu_account()))", "decided by oneself, never one's own"),
    Rule("audit", "SELECT", "auditor", "view_audit"),
    Rule("audit_review", "SELECT", "auditor", "view_audit"),
    Rule("audit_review", "INSERT", "auditor", "review_audit", OWN, words="under one's own name"),
    Rule("audit_check", "SELECT", "auditor", "view_audit"),
    Rule("audit_check", "INSERT", "auditor", "review_audit", OWN, words="under one's own name"),
    Rule("destruction", "SELECT", "system_admin", "apply_retention"),
    Rule("destruction", "SELECT INSERT", SECURITY, "manage_personal_data", "what ~ '^(subject|call|device):'",
         words="of a person's data"),
    Rule("export_request", "SELECT", f"{DESK} {CASES}", "view_exports", OWN, words="one's own"),
    Rule("export_request", "SELECT", "approver", "approve_export"),
    Rule("export_request", "INSERT", TRACKS, "export_track", f"{OWN} AND state = 'proposed'", words="one's own"),
    Rule("export_request", "UPDATE", "approver", "approve_export", "true",
         f"{OWN} IS NOT TRUE AND decided_by = (SELECT tianshu_account())", "others', decided by oneself"),
    Rule("export_file", "SELECT INSERT", TRACKS, "export_track",
         "account_id IS NOT DISTINCT FROM (SELECT tianshu_account())", words="one's own"),
)  # fmt: skip

PERSONS = (
    *(Rule(table, "SELECT", SECURITY, RIGHTS) for table in ("device", "unit", "carriage", "crew")),
    Rule("call", "SELECT UPDATE", SECURITY, RIGHTS, f"'call:' || id = {DECLARED}", words=OF_PERSON.format("call")),
    *(Rule(table, "SELECT UPDATE", SECURITY, RIGHTS, f"'call:' || call_id = {DECLARED}",
           words=OF_PERSON.format("call")) for table in ("call_event", "assignment")),
    Rule("call_event", "INSERT", SECURITY, RIGHTS,
         f"'call:' || call_id = {DECLARED} AND account_id IS NOT DISTINCT FROM (SELECT tianshu_account())",
         words="of the one declared call, under one's own name"),
    *(Rule(table, "SELECT DELETE", SECURITY, RIGHTS, f"'device:' || device_id = {DECLARED}",
           words=OF_PERSON.format("device")) for table in ("fix", "newest_fix", "media")),
    Rule("frame_batch", "SELECT UPDATE", SECURITY, RIGHTS,
         "received_at IN (SELECT f.received_at FROM fix f WHERE f.device_id = "
         "(SELECT substring(tianshu_claim('subjects') FROM 'device:([0-9]+)')::bigint) AND f.at BETWEEN "
         "(SELECT tianshu_claim('start')::timestamptz) AND (SELECT tianshu_claim('end')::timestamptz))",
         words="that hold a fix of the one declared device and time"),
    Rule("quarantine", "SELECT DELETE", SECURITY, RIGHTS,
         f"phone IN (SELECT d.phone FROM device d WHERE 'device:' || d.id = {DECLARED})",
         words=OF_PERSON.format("device")),
)  # fmt: skip

RULES: tuple[Rule, ...] = (*IDENTITY, *FLEET, *DISPATCH, *OVERSIGHT, *PERSONS)

PLACES: dict[str, str] = {
    "area": "SELECT INSERT UPDATE",
    "area_rule": "SELECT INSERT UPDATE",
    "area_version": "SELECT INSERT UPDATE",
    "park": "SELECT INSERT",
    "enterprise": "SELECT INSERT UPDATE",
    "incident": "SELECT INSERT",
    "road_network": "SELECT",
    "road_node": "SELECT",
    "road_edge": "SELECT",
    "road_closure": "SELECT INSERT UPDATE",
}
"""Tables of places: nobody's data, so the application's role has plain grants and no policy keeps an index from use."""

SHOWN: dict[str, str] = {"account": "id username display_name must_renew active failures locked_until created_at"}
"""Of some tables the application's role reads these columns only."""

MACHINES_ONLY = frozenset({"outbox", "pending_sign_in", "forward", "phone_answer", "platform"})
"""Tables that no officer's request touches."""

PEOPLE = frozenset(
    {"account", "account_role", "login", "second_factor", "recovery_code", "identity", "pending_sign_in"}
)
JUSTICE = frozenset(
    {"audit", "audit_review", "audit_check", "destruction", "export_request", "export_file", "authorisation"}
)
ALL = "SELECT INSERT UPDATE DELETE"

MACHINES: dict[str, dict[str, str]] = {
    "door": {
        "account": "SELECT UPDATE", "account_role": "SELECT", "login": ALL, "second_factor": ALL, "recovery_code": ALL,
        "identity": "SELECT", "pending_sign_in": "SELECT INSERT DELETE",
    },
    "audit": {"audit": "INSERT"},
    "ingest": {"fix": "SELECT INSERT"},
    "worker": {"fix": "SELECT INSERT DELETE"},
}  # fmt: skip
"""What processes without a person behind them may do. The worker's role is that of the operator's command line, too."""

RESTS = ("fix_default", "frame_batch_default")
"""Rows of tables cut by days that lie in no day near enough."""

TABLES = tuple(sorted({rule.table for rule in RULES} | PLACES.keys() | MACHINES_ONLY))
"""Every table of the service; a test fails when one is missing."""

BROAD: dict[str, frozenset[str]] = {"ingest": PEOPLE | JUSTICE | {"desk", "handover_note"}, "worker": frozenset()}
"""Machines that may do everything with every table but these and those named above."""

OWNER_READS = frozenset(
    {"account", "account_role", "authorisation", "carriage", "audit", "audit_review", "call", "call_event", "call_link",
     "assignment", "crew", "alert", "command", "short_message", "handover_note", "export_request", "export_file"}
)  # fmt: skip
"""What the functions that run with the owner's rights look at: FORCE binds an owner who is no superuser, too."""
