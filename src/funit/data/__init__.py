"""Files to batches: images, catalogues, packed files, the stream of batches, and the menagerie."""
