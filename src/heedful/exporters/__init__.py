"""A trained model packed and described for use by others."""
