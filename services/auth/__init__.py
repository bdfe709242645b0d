"""auth: the OpenID Provider, and the only holder of private keys.

Its rooms, each importing only those below it (import contract 3):

    operations               the command line of an operator
    app                      the composition root; elsewhere: health, files and unknown addresses
    endpoints | storage      HTTP above, SQL beside it; they never see each other
    token_endpoint | cache   /token, a file a grant; what a process keeps of the database's state
    stores                   the bundle of storage ports
    provisioning | authorization   configuration as code; from a request to a code
    protocol                 what clients send, and how they authenticate
    revocation               every way in which something ends
    logout                   and how clients are told
    tokens                   what is granted, and the tokens that say it
    accounts | clients       people and their sessions; registrations
    keys                     signing keys, and the signer
"""
