"""The meaning of the fields: operations, requests, responses, cards and the OpenAPI document."""
