"""A FastAPI app on a WSGI server: `PASSWORD="analytical engine" gunicorn examples.fastapi_app`,
without `--preload`."""

import os
import secrets
from typing import Annotated

from a2wsgi import ASGIMiddleware
from fastapi import Depends, FastAPI, Request

from jwt_middleware import Identity, JWTMiddleware, Key, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

app = FastAPI()


def identity(request: Request):
    return Identity.from_environ(request.scope["wsgi_environ"])


@app.get("/")
@app.get("/api/me")
def me(caller: Annotated[Identity | None, Depends(identity)]):
    return {"id": caller and caller.subject}


store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
# ASGIMiddleware starts a thread here, which would not survive the fork that follows `--preload`.
guarded = JWTMiddleware(ASGIMiddleware(app), providers=[minter.provider], rules=[Rule("/api")])
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
