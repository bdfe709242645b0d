"""The Mobile App: the reference client of the suite, and a headless stand-in for phone and browser.

`client` is what an app does: sign in through the system browser, keep the tokens, call the APIs, refresh, sign out.
`simulator` and `faults` play the person, the browser and a bad network; `demo` tells the whole story. It imports no
service: it talks HTTP to them, as an app of another team would.

    client           what an app calls: sign in, request, sign out
    authorization    the request, its state, PKCE, what comes back      loopback    receives the redirect
    provider         discovery, JWKS, /token, /revoke                   deep_link   receives myapp://
    network          why no answer came                                 contents    what is kept, and what is to revoke
    id_token         validation                                         store       in a private file
    tokens           what /token answers                                keychain    in the system's keychain
    refresh          one refresh at a time, for all callers             cli         python -m mobile
    challenge        what a 401 asks for                                options     its words
    dropped          ends what the app dropped                          api_answer  what an API answers
                                                                        local_stack where `make run` answers

Spec: RFC 8252, OpenID Connect Core
"""
