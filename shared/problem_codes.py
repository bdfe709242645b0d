"""The stable words by which a program tells the problems of the APIs apart: `code`, and the end of `type`.

Spec: RFC 9457 s3.1.1. docs/errors.md lists each with its status; a word that is there is never renamed.
"""

from enum import StrEnum

#: What `type` begins with; the code follows. A name and no address: nothing is to be fetched there.
TYPE_PREFIX = "urn:company:problem:"


class ProblemCode(StrEnum):
    """One word a case."""

    BAD_REQUEST = "bad_request"
    INVALID_JSON = "invalid_json"
    INVALID_HEADER = "invalid_header"
    INVALID_REQUEST = "invalid_request"
    NO_CREDENTIALS = "no_credentials"
    INVALID_TOKEN = "invalid_token"
    INVALID_DPOP_PROOF = "invalid_dpop_proof"
    USE_DPOP_NONCE = "use_dpop_nonce"
    INSUFFICIENT_USER_AUTHENTICATION = "insufficient_user_authentication"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    MANAGER_REQUIRED = "manager_required"
    FORBIDDEN = "forbidden"
    NO_SUCH_ADDRESS = "no_such_address"
    NO_SUCH_RECORD = "no_such_record"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BODY_TIMEOUT = "body_timeout"
    CONFLICT = "conflict"
    ILLEGAL_MOVE = "illegal_move"
    CHANGED_MEANWHILE = "changed_meanwhile"
    RECORD_CHANGED = "record_changed"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID_INPUT = "invalid_input"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    TOO_MANY_REQUESTS = "too_many_requests"
    INTERNAL_ERROR = "internal_error"
    UNAVAILABLE = "unavailable"
    DATABASE_UNAVAILABLE = "database_unavailable"
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    CUSTOMERS_UNAVAILABLE = "customers_unavailable"
    TOO_MANY_IMPORTS = "too_many_imports"
    REQUEST_IN_PROGRESS = "request_in_progress"

    @property
    def words(self) -> str:
        """The problem's kind in words, the same at every occurrence: its `title`."""
        return self.value.replace("_", " ").replace("json", "JSON").capitalize()


#: What a status means when nothing more is said of the case.
BY_STATUS = {
    400: ProblemCode.BAD_REQUEST,
    401: ProblemCode.INVALID_TOKEN,
    403: ProblemCode.FORBIDDEN,
    404: ProblemCode.NO_SUCH_ADDRESS,
    405: ProblemCode.METHOD_NOT_ALLOWED,
    408: ProblemCode.BODY_TIMEOUT,
    409: ProblemCode.CONFLICT,
    412: ProblemCode.RECORD_CHANGED,
    413: ProblemCode.BODY_TOO_LARGE,
    415: ProblemCode.UNSUPPORTED_MEDIA_TYPE,
    422: ProblemCode.INVALID_INPUT,
    429: ProblemCode.TOO_MANY_REQUESTS,
    500: ProblemCode.INTERNAL_ERROR,
    503: ProblemCode.UNAVAILABLE,
}
