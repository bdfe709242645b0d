"""The messages of OAuth and OpenID Connect: how each is read, checked and refused.

Owns parameters, error words, PKCE, client authentication, authorization requests, introspection and token revocation.
Does not store an authorization and signs nothing.
"""
