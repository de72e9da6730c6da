"""Times until an event, some of them censored."""
