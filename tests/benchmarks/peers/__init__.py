"""The same loss behind other servers, as users would write it, each in an environment of its own (`make peers`)."""
