"""HTTP: one file an endpoint, named as in the discovery document, and the pages of a sign-in.

An endpoint is async, reads its input, does all its work in one thread hop and answers. It never sees storage.
"""
