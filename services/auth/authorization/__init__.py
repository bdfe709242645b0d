"""Authorization: from a client's request, through the steps that a person takes, to a code and its redemption.

Owns the waiting request, the order of the steps (`flow.next_step`), sign-in and the authorization code.
Knows no HTTP and no SQL; each step returns to the dispatcher, never to another step.
"""
