"""The issuer's signing keys, and what is signed with them.

    jws             one compact JWS: its header read with suspicion, its signature verified
    key_set         a JWK Set, parsed once into public keys
    issuer_client   fetches the issuer's public documents
    jwks            the keys in force, held in memory and refreshed behind the requests
    copies          what the issuer said last, on disk

Does not know what a token says: `shared.bearer.access_token` and `shared.bearer.status` do.
"""
