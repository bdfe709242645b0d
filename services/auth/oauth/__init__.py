"""The seam to Authlib, and its only importer.

Authlib finds the grant, authenticates through our rules, checks response type and PKCE, and words the errors; what a
grant means stands in `authorization` and `tokens`. Its server half is synchronous: one thread hop a request, a server
object a request (47 us), hooks of a few lines. The traps that this seam closes are listed in ADR-0003.
"""
