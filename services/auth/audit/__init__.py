"""The audit trail: the events that are written where they happen, and those that a request merely brings about."""

from services.auth.audit.event import AuditEvent, AuditTrail, Origin
from services.auth.audit.occurrence import Occurrence, begin_occurrences, issued, refuse
from services.auth.audit.refusal import UNRECORDED, Refusal

__all__ = [
    "UNRECORDED",
    "AuditEvent",
    "AuditTrail",
    "Occurrence",
    "Origin",
    "Refusal",
    "begin_occurrences",
    "issued",
    "refuse",
]
