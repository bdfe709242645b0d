"""What every service stands on: plumbing (one file each) and `bearer`, the resource server's half of OAuth.

Imports no service.
"""
