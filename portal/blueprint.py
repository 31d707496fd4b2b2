"""The portal's blueprint: the desks' pages, in several modules, attach to it."""

from flask import Blueprint

blueprint = Blueprint("portal", __name__)
