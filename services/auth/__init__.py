"""auth: the OpenID Provider, and the only holder of private keys.

Who may import whom, from top to bottom (pyproject.toml enforces it):
    cli, doctor, app         plug storage into the features; the only importers of `storage`
    endpoints | storage      HTTP above, SQL beside; they never see each other
    configuration            configuration as code; then oauth, the seam to Authlib
    stores                   the bundle of storage ports that a request needs
    authorization            then tokens | sessions | mfa, then keys | clients | users | scopes
    passwords | throttling | rate_limits | audit | settings, and below all opaque_token
"""
