"""What every room stands on: settings, database, clock, audit log, mail outbox, jobs, files, forms, security."""
