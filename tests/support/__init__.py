"""What tests stand on: databases, the settable clock, the running stack, the browser."""
