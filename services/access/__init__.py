"""Who may do what: accounts, roles, sessions, mandates, cases, and the grant on the first line of every use case."""

from services.access.accounts import NameTakenError, create_account, roles_of
from services.access.cases import (
    CaseRefusedError,
    Limits,
    Query,
    Source,
    SpanRefusedError,
    broken_limit,
    grant_case,
    limit_track,
)
from services.access.factors import Enrolment, FactorState, NotEnrollingError, WrongCodeError, enrol_at_once
from services.access.factors import begin as begin_enrolment
from services.access.factors import close_again as close_secrets_again
from services.access.factors import reset as reset_factor
from services.access.factors import reset_of as reset_factor_of
from services.access.factors import state as factor_state
from services.access.keys import Keyring
from services.access.keys import forget_old as forget_old_keys
from services.access.keys import load as load_keys
from services.access.keys import renew as renew_keys
from services.access.mandates import (
    Look,
    Mandate,
    MandateOverError,
    RoleRefusedError,
    grant,
    look,
    record,
    system_mandate,
)
from services.access.oidc import Departure, NoProviderError, ProviderError, ProviderRefusedError, UnknownSubjectError
from services.access.oidc import begin as begin_oidc
from services.access.oidc import finish as finish_oidc
from services.access.passwords import WeakPasswordError
from services.access.roles import (
    PERMISSIONS,
    PURPOSES,
    SECOND_FACTOR,
    SEPARATED,
    Act,
    Purpose,
    Role,
    SeparationError,
    check_separation,
    default_purpose,
)
from services.access.sessions import (
    LOCK,
    MAX_FAILURES,
    Kind,
    LoginRefusedError,
    Recognised,
    Stage,
    change_password,
    check_password,
    confirm_factor,
    expire_logins,
    lifetime,
    open_session,
    recognise,
    sign_in,
    sign_out,
    verify_factor,
)
from services.access.watching import still_permitted

__all__ = [
    "LOCK", "MAX_FAILURES", "PERMISSIONS", "PURPOSES", "SECOND_FACTOR", "SEPARATED", "Act", "CaseRefusedError",
    "Departure", "Enrolment", "FactorState", "Keyring", "Kind", "Limits", "LoginRefusedError", "Look", "Mandate",
    "MandateOverError", "NameTakenError", "NoProviderError", "NotEnrollingError", "ProviderError",
    "ProviderRefusedError", "Purpose", "Query", "Recognised", "Role", "RoleRefusedError", "SeparationError",
    "Source", "SpanRefusedError", "Stage", "UnknownSubjectError", "WeakPasswordError", "WrongCodeError",
    "begin_enrolment", "begin_oidc", "broken_limit", "change_password", "check_password", "check_separation",
    "close_secrets_again", "confirm_factor", "create_account", "default_purpose", "enrol_at_once", "expire_logins",
    "factor_state", "finish_oidc", "forget_old_keys", "grant", "grant_case", "lifetime", "limit_track", "load_keys",
    "look", "open_session", "recognise", "record", "renew_keys", "reset_factor", "reset_factor_of", "roles_of",
    "sign_in", "sign_out", "still_permitted", "system_mandate", "verify_factor",
]  # fmt: skip
