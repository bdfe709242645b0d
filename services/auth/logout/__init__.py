"""Logout: a client sends a browser to sign out (front channel), and clients are told that a session is over (back).

Ending a session is not for here: `services.auth.revocation` does it, and queues the notices of `outbox`.
"""
