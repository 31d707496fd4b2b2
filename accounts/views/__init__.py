"""The pages of the accounts room, by what people come for."""

from accounts.views import account, office, register, reset, sign_in

__all__ = ["account", "office", "register", "reset", "sign_in"]
