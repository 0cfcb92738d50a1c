"""MLflow: its start page is public, all else is closed, and writing needs a scope:
`PASSWORD="analytical engine" gunicorn examples.real_apps.mlflow_app`, then
`MLFLOW_TRACKING_TOKEN=$TOKEN` for its client.

It serves the same API at /api and /ajax-api: `Rule("/api")` alone would leave the second open, as
`jwt-middleware routes --app examples.real_apps.mlflow_app` would show.
"""

import os
import secrets

os.environ.setdefault("_MLFLOW_SERVER_FILE_STORE", "sqlite:///mlflow.db")  # as `mlflow server` does
os.environ.setdefault("_MLFLOW_SERVER_ARTIFACT_ROOT", "mlartifacts")

from mlflow.server import app as mlflow

from jwt_middleware import JWTMiddleware, Key, Rule, public, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

store = MemoryStore()
password = os.environ.get("PASSWORD") or secrets.token_hex()
store.add_user("ada", password, scopes=("read", "write"))
store.add_user("grace", password, scopes=("read",))
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="mlflow")
searches = ("experiments", "runs", "registered-models", "model-versions")
rules = [
    Rule("/", scope("write")),
    Rule("/", scope("read"), methods=("GET", "HEAD", "OPTIONS")),
    Rule("/", public, exact=True),
    Rule("/static-files", public, methods=("GET", "HEAD")),
    Rule("/health", public, exact=True),
    # A search is a POST that changes nothing; `*` is the API's version.
    *(Rule(f"/api/*/mlflow/{name}/search", scope("read")) for name in searches),
]
guarded = JWTMiddleware(mlflow.wsgi_app, providers=[minter.provider], rules=rules)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
