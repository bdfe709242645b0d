"""Keys: the signing keys and their JWKS, and the symmetric keys that encrypt at rest and authenticate refresh tokens.

Owns every private key of the suite. Does not decide what is signed: `tokens` does.
"""
