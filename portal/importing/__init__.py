"""Import of people and enrollments from CSV and XLSX: read, preview, confirm once, then row by row by the same rules."""
