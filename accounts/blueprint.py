"""The accounts blueprint: sign-in pages and the office's people, in several modules, attach to it."""

from flask import Blueprint

blueprint = Blueprint("accounts", __name__)
