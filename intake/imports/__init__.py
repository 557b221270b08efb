"""Files in: read as a stream, in their own words, a batch at a time, each batch whole or not at all."""
