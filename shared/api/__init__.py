"""What only the two resource APIs share: a server put together, whose records a caller reaches, and their lists.

    resource_server   settings, database, verifier, problems and routes as one application
    reach             whose records a caller may touch; `owned_rows` says it in SQL
    listing, pagination, entity_tags, timestamp, openapi, idempotency   how records travel over HTTP
    seeds             records that a configuration file brings

Does not verify tokens (`shared.bearer`) and knows no kind of record.
"""
