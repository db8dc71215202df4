"""A folder or a table of picture files: what is in it, how it is decoded once, and the Images that come of it."""
