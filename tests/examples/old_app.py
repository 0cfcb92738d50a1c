"""An app with Flask-JWT-Extended, and its tokens."""

from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, jwt_required

SECRET = "a secret of 32 bytes, as HS256 needs"
ENCODES = {"JWT_ENCODE_ISSUER": "https://example.com", "JWT_ENCODE_AUDIENCE": "example-api"}
DECODES = {"JWT_DECODE_ISSUER": "https://example.com", "JWT_DECODE_AUDIENCE": "example-api"}


def old_app(**config: str) -> Flask:
    """The app; `/` needs a token."""
    app = Flask("old")
    app.config.update(JWT_SECRET_KEY=SECRET, **config)
    JWTManager(app)
    app.add_url_rule("/", view_func=jwt_required()(dict), endpoint="guarded")
    return app


def old_tokens(**config: str) -> dict[str, str]:
    """Tokens of ada's from the app, by kind."""
    with old_app(**config).app_context():
        fresh = create_access_token("ada", fresh=True)
        return {
            "access": create_access_token("ada"),
            "fresh": fresh,
            "refresh": create_refresh_token("ada"),
        }
