"""auth: the OpenID Provider, and the only holder of private keys.

Who may import whom, from top to bottom (pyproject.toml enforces it):
    cli, commands, doctor    plug storage into the features; with app the only importers of `storage`
    app                      one process put together
    endpoints | storage      HTTP above, SQL beside; they never see each other
    apply, configuration     configuration as code; then oauth, the seam to Authlib
    published                what a process signs with and publishes; then stores, the bundle of storage ports
    authorization            then ends, the home of every end, and logout, which tells clients of it
    tokens | sessions | mfa  then what a client registers and asserts, then keys | clients | users | scopes
    passwords | throttling | rate_limits | audit | settings, and below all opaque_token
"""
