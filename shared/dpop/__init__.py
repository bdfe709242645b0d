"""DPoP proofs: a JWT by which a client shows, at each request, that it holds the key its tokens are bound to.

Spec: RFC 9449 s4 to s9; Policy: ADR-0100

What the provider and the APIs share: `jwk` (public keys as a proof brings them), `proof` (what makes one good),
`nonces` (the server's own word of the time). Remembering which proofs were used is for whoever accepts them: the
provider does it in its database, `shared.bearer` in its memory. Nothing here knows HTTP.
"""
