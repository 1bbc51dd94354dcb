"""Everything as plain text for a terminal: a module a thing that is shown. Pure: values in, text out."""
