"""The catalog's blueprint: pages in several modules of this room attach to it."""

from flask import Blueprint

blueprint = Blueprint("courses", __name__)
