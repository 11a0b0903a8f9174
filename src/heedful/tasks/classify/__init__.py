"""classify: a picture or a text in, a class out."""
