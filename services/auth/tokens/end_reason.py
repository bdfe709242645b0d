"""Why a session, a grant or a client's tokens ended: the word in the audit trail and on the family's row."""

from enum import StrEnum


class EndReason(StrEnum):
    """Each is also the name of the audit event of what it ended."""

    LOGOUT = "logout"
    LOGOUT_EVERYWHERE = "logout_everywhere"
    SIGNED_IN_AS_ANOTHER_USER = "signed_in_as_another_user"
    TOO_MANY_SESSIONS = "too_many_sessions"
    AUTHORIZATION_CODE_REPLAY = "authorization_code_replay"
    REFRESH_TOKEN_REUSE = "refresh_token_reuse"
    REVOKED_BY_CLIENT = "revoked_by_client"
    MACHINE_TOKENS_REVOKED = "machine_tokens_revoked"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET = "password_reset"
    INVITATION_USED = "invitation_used"
    SECOND_FACTOR_CHANGED = "second_factor_changed"
    SECOND_FACTOR_RESET = "second_factor_reset"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    USER_DELETED = "user_deleted"
    CLIENT_DISABLED = "client_disabled"
    CLIENT_ENABLED = "client_enabled"
    CLIENT_REKEYED = "client_rekeyed"
    ENDED_BY_USER = "ended_by_user"
    PHONE_LOST = "phone_lost"
    ENDED_BY_OPERATOR = "ended_by_operator"
