"""What the served app says goes into a file: a pipe that nobody empties would stop it."""

import os


def when_ready(server):
    os.dup2(os.open("errors", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
