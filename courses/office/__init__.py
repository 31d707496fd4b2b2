"""The office's pages for courses, claims, venues and classes; they attach to the catalog's blueprint."""
