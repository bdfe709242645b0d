"""The names of the refusals: one for each branch that refuses. Callers learn none of them; log, audit and metrics do.

Policy: ADR-0078
A refusal of a page is `page_` and its case (`ERROR_CASES`); one that goes back to the client is `redirect_`
and the error that it brings.
"""

from enum import StrEnum


class Refusal(StrEnum):
    """Why a request was refused."""

    REQUEST_MALFORMED = "request_malformed"
    PARAMETER_MISSING = "parameter_missing"
    PARAMETER_REPEATED = "parameter_repeated"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    HTTP_ERROR = "http_error"
    NETWORK_LIMIT_REACHED = "network_limit_reached"
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal_error"
    #: An answer of 400 or more that nobody has named; a test keeps it from happening.
    WITHOUT_A_NAME = "refused_without_a_name"

    CLIENT_METHODS_MIXED = "client_authentication_methods_mixed"
    CLIENT_ID_DIFFERS = "client_id_differs_from_authentication"
    CLIENT_MISSING = "client_missing"
    CLIENT_HEADER_NOT_BASIC = "client_header_not_basic"
    CLIENT_HEADER_UNREADABLE = "client_header_unreadable"
    CLIENT_UNKNOWN = "client_unknown"
    CLIENT_METHOD_NOT_REGISTERED = "client_method_not_registered"
    CLIENT_SECRET_WRONG = "client_secret_wrong"
    CLIENT_ASSERTION_INCOMPLETE = "client_assertion_incomplete"
    CLIENT_ASSERTION_UNREADABLE = "client_assertion_unreadable"
    CLIENT_ASSERTION_SIGNATURE = "client_assertion_signature"
    CLIENT_ASSERTION_ISSUER = "client_assertion_issuer"
    CLIENT_ASSERTION_AUDIENCE = "client_assertion_audience"
    CLIENT_ASSERTION_TIMES = "client_assertion_times"
    CLIENT_ASSERTION_JTI = "client_assertion_jti"
    CLIENT_ASSERTION_REPLAYED = "client_assertion_replayed"

    GRANT_TYPE_UNKNOWN = "grant_type_unknown"
    GRANT_TYPE_NOT_REGISTERED = "grant_type_not_registered"
    SCOPE_UNKNOWN = "scope_unknown"
    AUTHORIZATION_DETAILS = "authorization_details"
    RESOURCE_OUT_OF_REACH = "resource_out_of_reach"

    CHALLENGE_REQUIRED = "code_challenge_required"
    CHALLENGE_MISSING = "code_challenge_missing"
    CHALLENGE_METHOD = "code_challenge_method"
    CHALLENGE_MALFORMED = "code_challenge_malformed"
    CODE_UNKNOWN = "code_unknown"
    CODE_OF_ANOTHER_CLIENT = "code_of_another_client"
    CODE_REDIRECT_URI_DIFFERS = "code_redirect_uri_differs"
    CODE_VERIFIER_MISSING = "code_verifier_missing"
    CODE_VERIFIER_UNASKED = "code_verifier_unasked"
    CODE_VERIFIER_MALFORMED = "code_verifier_malformed"
    CODE_VERIFIER_WRONG = "code_verifier_wrong"
    CODE_OF_ANOTHER_KEY = "code_of_another_key"
    CODE_OVER = "code_over"

    DEVICE_GRANT_NOT_REGISTERED = "device_grant_not_registered"
    DEVICE_SCOPE_UNKNOWN = "device_scope_unknown"
    DEVICE_SCOPE_NOT_REGISTERED = "device_scope_not_registered"
    DEVICE_RESOURCE_UNKNOWN = "device_resource_unknown"
    DEVICE_PENDING = "device_pending"
    DEVICE_POLLED_TOO_SOON = "device_polled_too_soon"
    DEVICE_DENIED = "device_denied"
    DEVICE_CODE_EXPIRED = "device_code_expired"
    DEVICE_CODE_UNKNOWN = "device_code_unknown"
    DEVICE_CODE_OVER = "device_code_over"
    USER_CODE_UNKNOWN = "user_code_unknown"

    REFRESH_TOKEN_UNREADABLE = "refresh_token_unreadable"
    REFRESH_TOKEN_UNKNOWN = "refresh_token_unknown"
    REFRESH_TOKEN_OF_ANOTHER_CLIENT = "refresh_token_of_another_client"
    REFRESH_TOKEN_OF_ANOTHER_KEY = "refresh_token_of_another_key"
    REFRESH_TOKEN_OVER = "refresh_token_over"
    REFRESH_SCOPE_BEYOND_GRANT = "refresh_scope_beyond_grant"

    DPOP_PROOF_REQUIRED = "dpop_proof_required"
    DPOP_PROOF_MISSING = "dpop_proof_missing"
    DPOP_PROOF_REPEATED = "dpop_proof_repeated"
    DPOP_PROOF_REFUSED = "dpop_proof_refused"
    DPOP_PROOF_REPLAYED = "dpop_proof_replayed"
    DPOP_PROOF_OF_ANOTHER_KEY = "dpop_proof_of_another_key"
    DPOP_NONCE_NEEDED = "dpop_nonce_needed"

    MACHINE_CLIENT_PUBLIC = "machine_client_public"
    MACHINE_CLIENT_DISABLED = "machine_client_disabled"
    MACHINE_SCOPE_UNKNOWN = "machine_scope_unknown"
    MACHINE_SCOPE_NOT_REGISTERED = "machine_scope_not_registered"
    MACHINE_SCOPE_OF_NO_API = "machine_scope_of_no_api"

    EXCHANGE_CLIENT_PUBLIC = "exchange_client_public"
    EXCHANGE_TOKEN_REFUSED = "exchange_token_refused"
    EXCHANGE_TOKEN_OVER = "exchange_token_over"
    EXCHANGE_SUBJECT_TYPE = "exchange_subject_type"
    EXCHANGE_REQUESTED_TYPE = "exchange_requested_type"
    EXCHANGE_ACTOR_TOKEN = "exchange_actor_token"
    EXCHANGE_BY_AUDIENCE = "exchange_by_audience"
    EXCHANGE_RESOURCE_MISSING = "exchange_resource_missing"
    EXCHANGE_RESOURCE_UNKNOWN = "exchange_resource_unknown"
    EXCHANGE_RESOURCES_MANY = "exchange_resources_many"
    EXCHANGE_TARGET_NOT_REGISTERED = "exchange_target_not_registered"
    EXCHANGE_SCOPE_UNKNOWN = "exchange_scope_unknown"
    EXCHANGE_SCOPE_NOT_REGISTERED = "exchange_scope_not_registered"
    EXCHANGE_WITHOUT_SCOPE = "exchange_without_scope"

    INTROSPECTION_NOT_ALLOWED = "introspection_not_allowed"
    REVOCATION_OF_ANOTHER_CLIENTS_FAMILY = "revocation_of_another_clients_family"
    REVOCATION_OF_ANOTHER_CLIENTS_TOKEN = "revocation_of_another_clients_token"
    REVOCATION_OF_ANOTHER_MACHINES_TOKEN = "revocation_of_another_machines_token"
    REVOCATION_OF_A_TRADED_TOKEN = "revocation_of_a_traded_token"
    PUSHED_REQUEST_NAMES_ANOTHER = "pushed_request_names_another"
    PUSHED_REQUEST_REFUSED = "pushed_request_refused"
    PUSHED_REQUEST_CLIENT_REFUSED = "pushed_request_client_refused"

    BEARER_TOKEN_MISSING = "bearer_token_missing"
    BEARER_TOKEN_MALFORMED = "bearer_token_malformed"
    BEARER_TOKEN_REFUSED = "bearer_token_refused"
    BEARER_TOKEN_OVER = "bearer_token_over"
    BEARER_TOKEN_OF_ANOTHER_KEY = "bearer_token_of_another_key"
    BEARER_TOKEN_OF_A_MACHINE = "bearer_token_of_a_machine"
    BEARER_SCOPE_MISSING = "bearer_scope_missing"

    SIGN_IN_FAILED = "sign_in_failed"
    SECOND_FACTOR_FAILED = "second_factor_failed"
    PASSKEY_FAILED = "passkey_failed"
    PASSKEY_CHALLENGE_OVER = "passkey_challenge_over"
    PASSKEY_NOT_ADDED = "passkey_not_added"
    ATTEMPT_WHILE_BLOCKED = "attempt_while_blocked"
    PASSWORD_NOT_ALLOWED = "password_not_allowed"
    #: A form of the account pages that a person is asked to fill in anew.
    ACCOUNT_FORM_REFUSED = "account_form_refused"
    SIGN_IN_QUEUE_FULL = "sign_in_queue_full"
    #: The page that says so, loaded: the try itself has its own name.
    REFUSED_TRY_SHOWN = "refused_try_shown"


#: Slips without a meaning for security, outages, and what prompt=none is told when somebody must act, which clients ask
#: for by the minute: in the log and the metrics, not in the trail.
UNRECORDED: frozenset[str] = frozenset(
    {
        "redirect_login_required",
        "redirect_interaction_required",
        "redirect_consent_required",
        "redirect_account_selection_required",
        Refusal.METHOD_NOT_ALLOWED,
        Refusal.HTTP_ERROR,
        Refusal.UNAVAILABLE,
        Refusal.INTERNAL_ERROR,
        Refusal.BEARER_TOKEN_MISSING,
        Refusal.DPOP_NONCE_NEEDED,
        Refusal.DEVICE_PENDING,
        Refusal.SIGN_IN_QUEUE_FULL,
        Refusal.REFUSED_TRY_SHOWN,
    }
)
