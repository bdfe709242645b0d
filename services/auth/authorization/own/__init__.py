"""What people change of their own ways to sign in, in a browser in which they have just signed in by all of them.

`change` is what all of it shares: the session that the change is made in goes on under a new cookie. The pages are in
`endpoints/account`.
"""
