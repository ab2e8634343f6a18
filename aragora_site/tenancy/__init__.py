"""Keeps tenants apart: scopes, managers, and PostgreSQL's row-level security. A leaf: it knows no
model but by what the model says of itself. See docs/TENANCY.md."""
