"""The blueprint that all of this room's views attach to."""

from flask import Blueprint

blueprint = Blueprint("certificates", __name__)
