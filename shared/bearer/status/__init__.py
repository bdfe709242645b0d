"""Whether a token was revoked: the issuer's Token Status Lists.

    status_list   one shard: the reference of a token to it, and the bits of a signed list
    source        where shards come from, and what a list signed by another key sets off
    cache         the shards that tokens name, held in memory and refreshed behind the requests

Does not verify signatures itself (`shared.bearer.keys` does), and decides about no route.
"""
