"""MLflow, whose React front end calls its API with nothing but the cookie."""

import os
from pathlib import Path

os.environ["_MLFLOW_SERVER_FILE_STORE"] = f"sqlite:///{Path.cwd() / 'mlflow.db'}"
os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = str(Path.cwd() / "artifacts")
os.environ["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = "true"

from mlflow.server import app

from .guard import behind_sign_in

application = behind_sign_in(app.wsgi_app)
