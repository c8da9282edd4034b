"""For authors of AITs: a new one, the contract that it keeps, one run of it, and its page."""
