"""Configuration as code: what a file asks for (`parse`), and how the database is brought to it (`apply`)."""
