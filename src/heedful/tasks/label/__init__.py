"""label: a video, a series or words in, a label at each step out."""
