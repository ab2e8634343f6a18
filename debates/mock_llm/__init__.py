"""A server that stands in for models, of `manage.py mock_llm` and of the tests. No Django."""
