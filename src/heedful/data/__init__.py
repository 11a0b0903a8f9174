"""From files to batches: readers, tokenizers, splits, a store on disk, order and batching, and a look at the data."""
