"""Who was there: rolls, marks, check-in, make-ups, minutes, sign-off."""
