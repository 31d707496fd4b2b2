"""The attendance room's blueprint: pages in several modules attach to it."""

from flask import Blueprint

blueprint = Blueprint("attendance", __name__)
