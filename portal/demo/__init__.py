"""The demo school: a believable Tideway Bodywork Institute in an empty database."""
