"""What needs several rooms at once: the desks, reports, imports, retention, the demo school."""
