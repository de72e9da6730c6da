"""What users would take instead: the same loss behind other servers, each in an environment of its own (`make peers`)."""
