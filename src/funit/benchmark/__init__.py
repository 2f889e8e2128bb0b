"""`funit bench`: what was made fast, beside the paper's model and loop as they are drawn."""
