"""Pictures: files, forms, augmentation."""
