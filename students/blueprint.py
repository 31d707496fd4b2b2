"""The students room's blueprint: pages in several modules attach to it."""

from flask import Blueprint

blueprint = Blueprint("students", __name__)
