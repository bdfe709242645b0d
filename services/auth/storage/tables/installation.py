"""What the database of auth is: local or production, and the issuer of its tokens."""

from services.auth.storage.tables.schema import metadata
from shared.installation import installation_table

installation = installation_table(metadata)
