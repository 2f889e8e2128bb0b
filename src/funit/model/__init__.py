"""The networks of the paper, one part a file: open this folder beside the paper's figure."""
