"""Mail to people: queued where something happens, delivered until it arrives, and never waited for (ADR-0093)."""
