"""What a process of auth does by the clock, beside its requests: readings for the metrics, and tasks under a lease."""
