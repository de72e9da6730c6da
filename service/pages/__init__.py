"""The pages that people look at: the explorer, one page for each loss, and Swagger UI."""
