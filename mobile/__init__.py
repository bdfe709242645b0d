"""The Mobile App: the reference client of the suite, and a headless stand-in for phone and browser.

`client` is what an app does: sign in through the system browser, keep the tokens, call the APIs, refresh, sign out.
`simulator` and `faults` play the person, the browser and a bad network; `demo` tells the whole story. It imports no
service: it talks HTTP to them, as an app of another team would.

    provider         discovery, JWKS, /token, /revoke, as the app sees them     loopback   receives the redirect
    authorization    the request, its state, PKCE, what comes back              deep_link  receives myapp://
    id_token         validation                                                 store      where tokens are kept
    refresh          one refresh at a time, whoever asks                        cli        python -m mobile

Spec: RFC 8252, OpenID Connect Core
"""
