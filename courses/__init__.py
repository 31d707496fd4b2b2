"""What is taught, when, where and by whom: catalog, offerings, meetings, scheduling."""
