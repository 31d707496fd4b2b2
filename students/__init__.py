"""Who takes part: student records, licenses, enrollment, waitlist, fees."""
