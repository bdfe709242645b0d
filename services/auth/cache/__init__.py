"""What this process holds of the database's state, and for how long it may go by it."""
