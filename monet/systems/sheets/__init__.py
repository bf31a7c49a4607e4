"""Sample sheets: the same few pictures, as a system paints them now."""
