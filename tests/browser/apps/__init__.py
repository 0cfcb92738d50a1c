"""Real apps with pages of the server, in Chromium behind the sign-in page. `test_journeys.py`,
`test_requests.py` and `test_mlflow.py` test the modules beside them."""
