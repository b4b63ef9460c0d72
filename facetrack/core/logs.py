"""Removes secrets from logs: a reader of a log must not be able to open pictures or act for a user."""

import logging
from urllib.parse import urlsplit

SIGNED = "/pictures/"
LEFT_OUT = "…"


class WithoutSecrets(logging.Filter):
    """Removes queries, and the signed part of pictures' URLs, from logged requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_shown(value) for value in record.args)
        elif isinstance(record.args, dict):
            record.args = {name: _shown(value) for name, value in record.args.items()}
        return True


def _shown(value: object) -> object:
    """A value for the log: a request line word by word, values other than text unchanged."""
    if not isinstance(value, str) or "/" not in value:
        return value
    return " ".join(_word(word) for word in value.split(" "))


def _word(word: str) -> str:
    if not word.startswith(("/", "http://", "https://", "rtsp://", "rtsps://")):
        return word
    try:
        parts = urlsplit(word)
    except ValueError:
        return LEFT_OUT
    path = SIGNED + LEFT_OUT if parts.path.startswith(SIGNED) else parts.path
    host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
    return f"{host}{path}{'?' + LEFT_OUT if parts.query else ''}"
