"""Accounts: users, how they prove who they are, and their browser sessions.

Does not decide when a factor is demanded: `authorization` does.
"""
