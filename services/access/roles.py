"""What a person is here for, what that permits, and what never meets in one person. Tables, no code."""

from enum import StrEnum

from services.errors import InvalidError


class Role(StrEnum):
    """What a person is here for."""

    DISPATCHER = "dispatcher"  # 指挥调度员
    PATROL_OFFICER = "patrol_officer"  # 巡逻民警
    PARK_OFFICER = "park_officer"  # 园区警务
    INVESTIGATOR = "investigator"  # 侦查员
    APPROVER = "approver"  # 审批人
    CORRECTIONS_OFFICER = "corrections_officer"  # 社区矫正工作人员
    COUNTY_JUSTICE_HEAD = "county_justice_head"  # 县级司法行政机关负责人
    GOVERNANCE_STAFF = "governance_staff"  # 综治中心工作人员
    ENTERPRISE_USER = "enterprise_user"  # 企业用户
    AUDITOR = "auditor"  # 审计员
    SYSTEM_ADMIN = "system_admin"  # 系统管理员
    SECURITY_ADMIN = "security_admin"  # 安全管理员
    WALL = "wall"  # 指挥大屏: a screen in a guarded room that only shows


class Purpose(StrEnum):
    """Why somebody looks: one of these stands in every mandate and every line of the audit trail."""

    DUTY = "duty"  # 勤务
    INVESTIGATION = "investigation"  # 侦查
    CORRECTIONS = "corrections"  # 社区矫正
    GOVERNANCE = "governance"  # 基层治理
    ENTERPRISE = "enterprise"  # 企业自查
    AUDIT = "audit"  # 审计
    ADMINISTRATION = "administration"  # 管理
    OPERATION = "operation"  # the machine's own operator, at its command line


class Act(StrEnum):
    """Everything that asks for a grant."""

    VIEW_LIVE = "view_live"
    KEEP_DESK = "keep_desk"
    HAND_OVER = "hand_over"
    VIEW_TRACK = "view_track"
    VIEW_CALLS = "view_calls"
    TAKE_CALL = "take_call"
    DISPATCH = "dispatch"
    REPORT_STATUS = "report_status"
    SERVE = "serve"
    CALL_FOR_HELP = "call_for_help"
    VIEW_REPORTS = "view_reports"
    VIEW_AREAS = "view_areas"
    MANAGE_AREAS = "manage_areas"
    VIEW_ALERTS = "view_alerts"
    HANDLE_ALERTS = "handle_alerts"
    VIEW_PARKS = "view_parks"
    MANAGE_PARKS = "manage_parks"
    IMPORT_INCIDENTS = "import_incidents"
    VIEW_ROADS = "view_roads"
    MANAGE_ROADS = "manage_roads"
    CLOSE_ROADS = "close_roads"
    VIEW_DEVICES = "view_devices"
    MANAGE_DEVICES = "manage_devices"
    VIEW_FRAMES = "view_frames"
    VIEW_MEDIA = "view_media"
    COMMAND_DEVICE = "command_device"
    CONFIGURE_DEVICE = "configure_device"
    IMPORT_TRACKS = "import_tracks"
    IMPORT_CALLS = "import_calls"
    VIEW_METRICS = "view_metrics"
    VIEW_AUDIT = "view_audit"
    REVIEW_AUDIT = "review_audit"
    EXPORT_TRACK = "export_track"
    VIEW_EXPORTS = "view_exports"
    APPROVE_EXPORT = "approve_export"
    APPLY_RETENTION = "apply_retention"
    MANAGE_PERSONAL_DATA = "manage_personal_data"
    MANAGE_OWN_SESSIONS = "manage_own_sessions"
    VIEW_ACCOUNTS = "view_accounts"
    MANAGE_ACCOUNTS = "manage_accounts"
    VIEW_CASES = "view_cases"
    PROPOSE_CASE = "propose_case"
    APPROVE_CASE = "approve_case"
    REVOKE_CASE = "revoke_case"
    VIEW_PATROLS = "view_patrols"
    MANAGE_PATROLS = "manage_patrols"


_DESK = frozenset({Role.DISPATCHER})
_POLICE = frozenset({Role.DISPATCHER, Role.PATROL_OFFICER, Role.PARK_OFFICER})
_WALL = frozenset({Role.WALL})
_ADMIN = frozenset({Role.SYSTEM_ADMIN})
_SECURITY = frozenset({Role.SECURITY_ADMIN})
_CASES = frozenset({Role.INVESTIGATOR, Role.APPROVER})

PERMISSIONS: dict[Act, frozenset[Role]] = {
    Act.VIEW_LIVE: _POLICE | _WALL,
    Act.KEEP_DESK: _POLICE | _WALL,
    Act.HAND_OVER: _DESK,
    Act.VIEW_TRACK: _DESK | {Role.INVESTIGATOR},  # within limits: see cases.limit_track
    Act.VIEW_CALLS: _POLICE | _WALL,
    Act.TAKE_CALL: _DESK,
    Act.DISPATCH: _DESK,
    Act.REPORT_STATUS: frozenset({Role.DISPATCHER, Role.PATROL_OFFICER}),
    Act.SERVE: frozenset({Role.PATROL_OFFICER}),  # the own unit's call, and no other
    Act.CALL_FOR_HELP: _POLICE,
    Act.VIEW_REPORTS: _DESK,
    Act.VIEW_AREAS: _POLICE | _ADMIN | _WALL,
    Act.MANAGE_AREAS: _DESK | _ADMIN,
    Act.VIEW_ALERTS: _POLICE | _WALL,
    Act.HANDLE_ALERTS: _DESK,
    Act.VIEW_PARKS: frozenset({Role.PARK_OFFICER, Role.DISPATCHER}) | _ADMIN,
    Act.MANAGE_PARKS: frozenset({Role.PARK_OFFICER}) | _ADMIN,
    Act.IMPORT_INCIDENTS: frozenset({Role.PARK_OFFICER}) | _ADMIN,
    Act.VIEW_ROADS: _POLICE | _ADMIN | _WALL | {Role.INVESTIGATOR},
    Act.MANAGE_ROADS: _ADMIN,
    Act.CLOSE_ROADS: _DESK,
    Act.VIEW_DEVICES: _DESK | _ADMIN,
    Act.MANAGE_DEVICES: _ADMIN,
    Act.VIEW_FRAMES: _ADMIN,  # the last raw frames of one device, with the positions in them
    Act.VIEW_MEDIA: _DESK,  # what a device's camera or microphone took; that it took something, VIEW_DEVICES shows
    Act.COMMAND_DEVICE: _DESK | _ADMIN,
    Act.CONFIGURE_DEVICE: _ADMIN,  # parameters, restart, areas that the terminal watches: beside COMMAND_DEVICE
    Act.IMPORT_TRACKS: _ADMIN,
    Act.IMPORT_CALLS: _ADMIN,
    Act.VIEW_METRICS: _ADMIN,
    Act.VIEW_AUDIT: frozenset({Role.AUDITOR}),
    Act.REVIEW_AUDIT: frozenset({Role.AUDITOR}),
    Act.EXPORT_TRACK: _DESK | {Role.INVESTIGATOR},
    Act.VIEW_EXPORTS: _DESK | _CASES,
    Act.APPROVE_EXPORT: frozenset({Role.APPROVER}),
    Act.APPLY_RETENTION: _ADMIN,
    Act.MANAGE_PERSONAL_DATA: _SECURITY,
    Act.MANAGE_OWN_SESSIONS: frozenset(Role),
    Act.VIEW_ACCOUNTS: _SECURITY | {Role.AUDITOR},
    Act.MANAGE_ACCOUNTS: _SECURITY,
    Act.VIEW_CASES: _CASES | {Role.AUDITOR},
    Act.PROPOSE_CASE: frozenset({Role.INVESTIGATOR}),
    Act.APPROVE_CASE: frozenset({Role.APPROVER}),
    Act.REVOKE_CASE: frozenset({Role.APPROVER}),
    Act.VIEW_PATROLS: _POLICE | _WALL,
    Act.MANAGE_PATROLS: _DESK,
}

PURPOSES: dict[Purpose, frozenset[Role]] = {
    Purpose.DUTY: _POLICE | _WALL,
    Purpose.INVESTIGATION: _CASES,
    Purpose.CORRECTIONS: frozenset({Role.CORRECTIONS_OFFICER, Role.COUNTY_JUSTICE_HEAD}),
    Purpose.GOVERNANCE: frozenset({Role.GOVERNANCE_STAFF}),
    Purpose.ENTERPRISE: frozenset({Role.ENTERPRISE_USER}),
    Purpose.AUDIT: frozenset({Role.AUDITOR}),
    Purpose.ADMINISTRATION: _ADMIN | _SECURITY,
    Purpose.OPERATION: frozenset(),
}
"""Who may look for which purpose. The first that fits is meant when the caller names none."""

SEPARATED = (
    frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN}),
    frozenset({Role.SYSTEM_ADMIN, Role.AUDITOR}),
    frozenset({Role.SECURITY_ADMIN, Role.AUDITOR}),
)
"""Pairs of roles that never meet in one person. The database refuses them too (trigger on account_role)."""

SECOND_FACTOR = _CASES | _ADMIN | _SECURITY | {Role.AUDITOR} | PURPOSES[Purpose.CORRECTIONS]
"""Roles that sign in with a second factor: those who look into people's lives, permit it, administer, or check."""


class SeparationError(InvalidError):
    """Two of the roles never meet in one person."""


def check_separation(roles: frozenset[Role]) -> None:
    """Refuse roles that never meet in one person.

    Raises:
        SeparationError: naming the pair and the reason.
    """
    for pair in SEPARATED:
        if pair <= roles:
            first, second = sorted(pair)
            raise SeparationError(
                "These roles never meet in one person: {first}, {second}. "
                "Who runs the system, who decides on access and who checks both are three people.",
                first=first, second=second,
            )  # fmt: skip


def default_purpose(roles: frozenset[Role]) -> Purpose:
    """Return the purpose that is meant when a person with these roles names none."""
    return next((purpose for purpose, fitting in PURPOSES.items() if fitting & roles), Purpose.DUTY)
