"""Rows of named columns from files of every format."""
