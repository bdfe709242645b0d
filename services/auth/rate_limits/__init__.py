"""Rate limits by network: what is limited (`limits`) and how it is counted (`shared.sliding_window`)."""
