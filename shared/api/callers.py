"""Scopes of the APIs' routes whose callers are named in the log: by subject and client, refused or not.

Spec: RFC 6750 s3.1
"""

from shared.bearer import AccessTokenVerifier, Principal
from shared.bearer.web.requirements import ScopeRequirement
from shared.request_context import note


class CallerScope(ScopeRequirement):
    """At least one of `scopes`; every log line of the request says who called through which client from then on."""

    def require(self, principal: Principal, verifier: AccessTokenVerifier) -> None:
        """Name the caller, then compare the token's scopes."""
        note(sub=principal.subject, client_id=principal.client_id)
        super().require(principal, verifier)
