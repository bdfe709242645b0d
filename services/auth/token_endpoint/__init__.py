"""POST /token: `pipeline` is the five phases that every grant goes through, one file a grant beside it."""
