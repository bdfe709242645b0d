"""Tokens: what a grant is worth on the wire.

Owns the family row's life (rotation, retry, reuse, end) and what access, ID and refresh tokens hold.
Does not authenticate clients or users, and knows no HTTP and no SQL.
"""
