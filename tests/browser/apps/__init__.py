"""Real apps with pages of the server, in Chromium behind the sign-in page. `test_journeys.py` and
`test_requests.py` test the modules beside them."""
