"""Tools for those who change monet; none of them is installed with it."""
