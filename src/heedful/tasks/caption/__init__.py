"""caption: a picture in, a sentence out."""
