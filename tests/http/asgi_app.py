"""The application as an object, for servers that take no factory."""

from service.app import create_app

app = create_app()
