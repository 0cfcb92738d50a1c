"""Reads the routes of an app, with one module per framework. Each has:

- `KIND`: the name of the framework;
- `is_app(part)`: whether an object is an app of the framework, by its class;
- `routes_of(app)`: its routes;
- `mounts_of(app)`: the apps mounted in it, by their prefixes.

An app exists only if its framework is imported already, so these modules do not import one.
`tests/inspection/test_listers.py` tests all of them by live requests.
"""
