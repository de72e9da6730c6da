"""One request between ASGI and the pipeline."""
