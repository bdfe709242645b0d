"""Orders in SQL: `tables` is the whole schema, each other file keeps one concept."""
