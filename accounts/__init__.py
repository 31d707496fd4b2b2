"""Who someone is and what they may do: users, roles, sign-in."""
